import { atOnce, type Pieces } from '../../../src/base/work/pieces';
import * as cdi from '../../../src/oci/cdi/cdi-apply';
import * as check from '../../../src/oci/check-container';
import * as spec from '../../../src/oci/container-spec';
import * as env from '../../../src/oci/process/env';
import * as exec from '../../../src/oci/process/exec-process';
import * as limits from '../../../src/oci/process/process-limits';

/** What does the work of `begin` in one piece. */
function whole<A extends unknown[], T>(begin: (...args: A) => Pieces<T>): (...args: A) => T {
  return (...args) => atOnce(begin(...args));
}

export const checkContainer = whole(check.checkContainer);
export const checkProcessSize = whole(limits.checkProcessSize);
export const containerEnv = whole(env.containerEnv);
export const containerSpec = whole(spec.containerSpec);
export const execProcess = whole(exec.execProcess);
export const withCdiEdits = whole(cdi.withCdiEdits);
export const withEnv = whole(env.withEnv);
