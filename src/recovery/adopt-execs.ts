import { closeSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../base/errors';
import { sleep } from '../base/wait/backoff';
import { isRunning } from '../containerd/errors';
import { createReadBuffer, FifoReader, openFifoReader } from '../stdio/fifo';
import { StdinFifo } from '../stdio/stdin-fifo';
import type { LifecycleDeps } from '../tasks/deps';

type Deps = Pick<LifecycleDeps, 'containerd' | 'host' | 'paths' | 'log'>;

/** A shim that hangs must not hold up the start of everything else. */
const TIMEOUT_MS = 10_000;
/** What was just being started may run only now: then it cannot be deleted yet. */
const TRIES = 10;
const PAUSE_MS = 100;
const EXEC_FIFO = /^([0-9a-f]{64})-(stdin|stdout|stderr)$/;

/**
 * Opens for reading what processes write to that a server before us has executed, and keeps it open until disposed of. A shim
 * opens these FIFOs while it starts a process, and waits until somebody reads: that of containerd 1.6 answers nothing else
 * meanwhile, so that whoever asks for its tasks takes it for dead. To be called before the daemon is asked, and disposed of
 * when `adoptExecs` has taken up what there is. Never rejects.
 */
export async function readExecs({ paths }: Pick<Deps, 'paths'>): Promise<Disposable> {
  const fds: number[] = [];
  for (const id of await readdir(paths.containerStates).catch(() => [])) {
    for (const fifos of (await execFifos(paths.io(id), id)).values()) {
      for (const path of outputs(fifos)) fds.push(...opened(path));
    }
  }
  return {
    [Symbol.dispose]: () => {
      for (const fd of fds.splice(0)) closeSync(fd);
    },
  };
}

/** None when it has gone meanwhile. */
function opened(path: string): number[] {
  try {
    return [openFifoReader(path)];
  } catch {
    return [];
  }
}

/**
 * Takes up what a server before us had executed in a running container; the FIFOs it left are all that tells of it. Whoever
 * asked is gone. What has ended is deleted, since the shim keeps it otherwise. What runs goes on as for a client that has
 * left: its stdin is at its end, its output is read and thrown away, and it is deleted once it has ended. Resolves when
 * all are taken up; never rejects.
 */
export async function adoptExecs(deps: Deps, containerId: string): Promise<void> {
  const fifos = await execFifos(deps.paths.io(containerId), containerId);
  await Promise.all([...fifos].map(([execId, paths]) => adopt(deps, { containerId, execId, paths })));
}

/** The FIFOs of processes executed in a container, by exec id; its own stdio's are not among them. */
async function execFifos(dir: string, containerId: string): Promise<Map<string, string[]>> {
  const fifos = new Map<string, string[]>();
  for (const name of await readdir(dir).catch(() => [])) {
    const execId = EXEC_FIFO.exec(name)?.[1];
    if (execId === undefined || execId === containerId) continue;
    fifos.set(execId, [...(fifos.get(execId) ?? []), join(dir, name)]);
  }
  return fifos;
}

function outputs(fifos: readonly string[]): string[] {
  return fifos.filter((path) => !isStdin(path));
}

function isStdin(path: string): boolean {
  return path.endsWith('-stdin');
}

interface Orphan {
  readonly containerId: string;
  readonly execId: string;
  readonly paths: readonly string[];
}

async function adopt(deps: Deps, orphan: Orphan): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await adoptAsItIs(deps, orphan);
    } catch (error) {
      if (tries === TRIES || !isRunning(error)) return tell(deps, orphan, error);
    }
    await sleep(PAUSE_MS);
  }
}

async function adoptAsItIs(deps: Deps, orphan: Orphan): Promise<void> {
  const process = await deps.containerd.tasks.get(orphan, { timeoutMs: TIMEOUT_MS });
  if (process?.status === 'UNKNOWN') throw new Error('its shim does not answer');
  if (process?.status !== 'RUNNING') return discarding(orphan, () => forget(deps, orphan));
  void discarding(orphan, () => runOut(deps, orphan)).catch((error: unknown) => tell(deps, orphan, error));
}

async function runOut(deps: Deps, orphan: Orphan): Promise<void> {
  const { tasks } = deps.containerd;
  const stdinPath = orphan.paths.find(isStdin);
  if (stdinPath !== undefined) {
    const stdin = new StdinFifo(stdinPath);
    await stdin.hasReader();
    await tasks.closeStdin(orphan).finally(() => stdin.close());
  }
  await tasks.wait(orphan);
  await forget(deps, orphan);
}

/** Reads and throws away its output until `act` has ended: a shim that deletes a process waits for that to be taken. */
async function discarding(orphan: Orphan, act: () => Promise<void>): Promise<void> {
  const readers: FifoReader[] = [];
  try {
    for (const path of outputs(orphan.paths)) readers.push(discard(path)); // the second may fail when the first is open
    await act();
  } finally {
    for (const reader of readers) reader.close();
  }
}

function discard(path: string): FifoReader {
  return new FifoReader({ path, readBuffer: createReadBuffer(), onData: () => undefined, onEnd: () => undefined });
}

async function forget(deps: Deps, orphan: Orphan): Promise<void> {
  await deps.containerd.tasks.deleteProcess(orphan, { timeoutMs: TIMEOUT_MS });
  await Promise.all(orphan.paths.map((path) => deps.host.removeFile(path)));
}

function tell(deps: Deps, { containerId, execId }: Orphan, error: unknown): void {
  deps.log.warn('an exec of a server before us stays behind', { containerId, execId, error: errorMessage(error) });
}
