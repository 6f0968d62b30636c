import { NameTaken } from '../state/name-index';
import type { RecoverDeps } from './recover-deps';

/** Reserves a recovered name. Two records of one name are not fatal: the second goes unnamed, for kubelet to remove. */
export function reserveRecovered(deps: Pick<RecoverDeps, 'names' | 'log'>, name: string, id: string): void {
  if (name === '') return; // it could not be read
  try {
    deps.names.reserve(name, id);
  } catch (error) {
    if (!(error instanceof NameTaken)) throw error;
    deps.log.warn('two records have one name', { name, id, owner: error.owner });
  }
}
