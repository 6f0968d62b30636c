import { errorMessage } from '../base/errors';
import { parseForeignJson } from '../base/json/foreign-json';
import { readAsGo } from '../base/json/go-fields';
import { readForeignText } from '../host/mount/foreign-file';
import type { RuntimeHandler } from '../model/runtime-handler';
import type { Spec } from '../model/spec';
import { SPEC_SHAPE } from '../oci/spec-shape';
import { notReady } from './errors';

/** The handler's base_runtime_spec, read afresh; none when it names no file. */
export async function baseSpecOf(handler: RuntimeHandler): Promise<Spec | undefined> {
  if (handler.baseRuntimeSpec === '') return undefined;
  try {
    return readAsGo(parseForeignJson(await readForeignText(handler.baseRuntimeSpec)), SPEC_SHAPE) as Spec;
  } catch (error) {
    throw notReady(`base_runtime_spec of runtime "${handler.name}": ${errorMessage(error)}`);
  }
}
