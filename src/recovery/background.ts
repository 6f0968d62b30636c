import { errorMessage } from '../base/errors';
import type { LifecycleDeps } from '../tasks/deps';

/**
 * Runs `act` in the background while holding the lock of `id`. Resolves once the lock is held: a start goes on, and calls
 * about this one object wait. What `act` throws is logged; `ended` resolves when it has come to its end.
 */
export async function afterwards(
  deps: Pick<LifecycleDeps, 'locks' | 'log'>,
  id: string,
  act: () => Promise<void>,
): Promise<{ readonly ended: Promise<void> }> {
  const held = await deps.locks.hold(id);
  const ended = act()
    .catch((error: unknown) => deps.log.error('background cleanup failed', { id, error: errorMessage(error) }))
    .finally(() => held.release());
  return { ended };
}
