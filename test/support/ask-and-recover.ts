import { askDaemon, recover } from '../../src/recovery/recover';
import type { RecoverDeps } from '../../src/recovery/recover-deps';

/** What a start does to find its pods, one after the other, and what goes on after it under their locks. */
export async function askAndRecover(deps: RecoverDeps): Promise<void> {
  await recover(deps, await askDaemon(deps));
  for (const { metadata } of [...deps.sandboxes.list(), ...deps.containers.list()]) {
    (await deps.locks.hold(metadata.id)).release();
  }
}
