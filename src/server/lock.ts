import type { Logger } from '../base/logger';
import type { ServiceManager } from '../base/service-manager';
import { Backoff, sleep } from '../base/wait/backoff';
import { LockedError, type LockFile, lockFile } from '../host/process/lock-file';
import { WaitReport } from './wait-report';

/** Pauses between one try to take the lock and the next. */
const PAUSES = { firstMs: 200, maxMs: 5000 };

interface Waiting {
  readonly log: Logger;
  readonly manager: Pick<ServiceManager, 'waiting'>;
  /** Fires when crisp is to stop. */
  readonly signal: AbortSignal;
}

/**
 * Takes the lock of the state directory; undefined when `signal` fires first. A lock that cannot be taken because something
 * else lies in its place, or because its disk takes no writes, is tried again with growing pauses. Each reason is logged and told
 * to the service manager. Throws a LockedError when another server has the lock.
 */
export async function lockState(path: string, { log, manager, signal }: Waiting): Promise<LockFile | undefined> {
  const waits = new WaitReport({ log, manager, readiness: { problem: '' } });
  const backoff = new Backoff(PAUSES);
  while (!signal.aborted) {
    try {
      return await lockFile(path);
    } catch (error) {
      if (error instanceof LockedError) throw error;
      waits.report(error);
    }
    await sleep(backoff.next(), signal).catch(() => undefined);
  }
  return undefined;
}
