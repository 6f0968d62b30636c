import { askDaemon, type RecoverDeps, recover } from '../../src/monitor/recover';

/** What a start does to find its pods, one after the other. */
export async function askAndRecover(deps: RecoverDeps): Promise<void> {
  await recover(deps, await askDaemon(deps));
}
