import { readFile } from 'node:fs/promises';
import { errorMessage } from '../base/errors';
import { parseJson } from '../base/json';
import type { RuntimeHandler } from '../model/runtime-handler';
import type { Spec } from '../model/spec';
import { notReady } from './errors';

/** The handler's base_runtime_spec, read afresh; none when it names no file. */
export async function baseSpecOf(handler: RuntimeHandler): Promise<Spec | undefined> {
  if (handler.baseRuntimeSpec === '') return undefined;
  try {
    return parseJson(await readFile(handler.baseRuntimeSpec, 'utf8')) as Spec;
  } catch (error) {
    throw notReady(`base_runtime_spec of runtime "${handler.name}": ${errorMessage(error)}`);
  }
}
