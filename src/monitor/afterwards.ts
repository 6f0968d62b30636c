import { errorMessage } from '../base/errors';
import type { LifecycleDeps } from '../lifecycle/deps';

/**
 * Begins `act` under the lock of `id`, and resolves when that is held: whoever asks something of this one object waits for
 * it, and a start does not. What it throws is logged.
 */
export async function afterwards(
  deps: Pick<LifecycleDeps, 'locks' | 'log'>,
  id: string,
  act: () => Promise<void>,
): Promise<void> {
  const held = await deps.locks.hold(id);
  void act()
    .catch((error: unknown) =>
      deps.log.error('what a start began could not be ended', { id, error: errorMessage(error) }),
    )
    .finally(() => held.release());
}
