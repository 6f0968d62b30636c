import { closeSync } from 'node:fs';
import { errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import { sleep } from '../base/wait/backoff';
import { LockedError, type LockFile, lockFile, untilUnlocked } from '../host/process/lock-file';
import { ControlConnection } from '../stdio/control-connection';
import { openFifoReader } from '../stdio/fifo';
import { notesDir, stdioLock, stdioSocket } from '../stdio/paths';
import { notedSpecs } from './server/recorded-stdio';

/** How long the predecessor gets to let go before it is killed, which costs nothing but an orderly end. */
const QUIT_TIMEOUT_MS = 3000;
const LOCK_EVERY_MS = 5;
const LOCK_TIMEOUT_MS = 60_000;
/** How often a predecessor is looked at that was killed and that the kernel holds up. */
const KILLED_LOOK_MS = 200;

export interface TakeOverOptions {
  readonly dir: string;
  readonly replace: boolean;
  readonly log: Logger;
}

/** The lock, and the FIFOs that are held open until somebody reads them. */
export interface Held extends LockFile {
  /** Lets go of the FIFOs that were held open for reading while nobody read. */
  releaseFifos(): void;
  /** Resolves when no system call of a predecessor that was killed can take effect any more. */
  predecessorGone(): Promise<void>;
}

/** The lock of the directory. Rejects with a LockedError when another process has it and is to keep it. */
export async function takeOverStdio(options: TakeOverOptions): Promise<Held> {
  const path = stdioLock(options.dir);
  const fifos: number[] = [];
  const releaseFifos = (): void => fifos.splice(0).forEach((fd) => void closeSync(fd));
  const predecessorGone = (): Promise<void> => untilUnlocked(path, KILLED_LOOK_MS);
  const held = (lock: LockFile): Held => ({ release: () => lock.release(), releaseFifos, predecessorGone });
  try {
    return held(await lockFile(path));
  } catch (error) {
    if (!(error instanceof LockedError) || !options.replace) throw error;
    // From here on every pipe has a reader, whoever ends when: a writer without one would be told so (EPIPE).
    fifos.push(...openFifos(options.dir));
    await askToQuit(options);
    return held(await waitForLock(path, error.pid));
  }
}

async function askToQuit({ dir, log }: TakeOverOptions): Promise<void> {
  try {
    const connection = await ControlConnection.open(
      stdioSocket(dir),
      { containerd: '', timeoutMs: QUIT_TIMEOUT_MS },
      { onAnswer: () => undefined, onTold: () => undefined },
    );
    connection.send(0, { op: 'quit' });
    await Promise.race([connection.closed, sleep(QUIT_TIMEOUT_MS)]);
    connection.destroy();
  } catch (error) {
    log.warn('the process that has the stdio does not answer', { error: errorMessage(error) });
  }
}

async function waitForLock(path: string, pid: number): Promise<LockFile> {
  const started = Date.now();
  for (let killed = false; ; ) {
    try {
      return await lockFile(path);
    } catch (error) {
      if (!(error instanceof LockedError) || Date.now() - started > LOCK_TIMEOUT_MS) throw error;
      if (!killed && Date.now() - started > QUIT_TIMEOUT_MS && error.pid === pid && pid > 0) {
        killed = true;
        kill(pid);
      }
    }
    await sleep(LOCK_EVERY_MS);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

function openFifos(dir: string): number[] {
  return notedSpecs(notesDir(dir)).flatMap(({ stdout, stderr }) =>
    [stdout, stderr].flatMap((path) => {
      try {
        return path ? [openFifoReader(path)] : [];
      } catch {
        return []; // its container has been removed meanwhile
      }
    }),
  );
}
