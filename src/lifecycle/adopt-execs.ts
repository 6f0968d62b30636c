import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../base/errors';
import { createReadBuffer, FifoReader } from '../io/fifo';
import type { LifecycleDeps } from './deps';

type Deps = Pick<LifecycleDeps, 'containerd' | 'host' | 'paths' | 'log'>;

/** A shim that hangs must not hold up the start of everything else. */
const TIMEOUT_MS = 10_000;
const EXEC_FIFO = /^([0-9a-f]{64})-(stdin|stdout|stderr)$/;

/**
 * Takes up what a server before us had executed in a running container; the FIFOs it left are all that tells of it. Whoever
 * asked is gone. What has ended is deleted, since the shim keeps it otherwise. What runs goes on as for a client that has
 * left: its stdin is at its end, its output is read and thrown away, and it is deleted once it has ended. Resolves when
 * all are taken up; never rejects.
 */
export async function adoptExecs(deps: Deps, containerId: string): Promise<void> {
  const dir = deps.paths.io(containerId);
  const names = await readdir(dir).catch(() => []);
  const fifos = new Map<string, string[]>();
  for (const name of names) {
    const execId = EXEC_FIFO.exec(name)?.[1];
    if (execId === undefined || execId === containerId) continue;
    fifos.set(execId, [...(fifos.get(execId) ?? []), join(dir, name)]);
  }
  await Promise.all([...fifos].map(([execId, paths]) => adopt(deps, { containerId, execId, paths })));
}

interface Orphan {
  readonly containerId: string;
  readonly execId: string;
  readonly paths: readonly string[];
}

async function adopt(deps: Deps, orphan: Orphan): Promise<void> {
  const { tasks } = deps.containerd;
  try {
    const process = await tasks.get(orphan, { timeoutMs: TIMEOUT_MS });
    if (process?.status === 'UNKNOWN') throw new Error('its shim does not answer');
    if (process?.status !== 'RUNNING') {
      await forget(deps, orphan);
      return;
    }
    void runOut(deps, orphan).catch((error: unknown) => tell(deps, orphan, error));
  } catch (error) {
    tell(deps, orphan, error);
  }
}

async function runOut(deps: Deps, orphan: Orphan): Promise<void> {
  const { tasks } = deps.containerd;
  const readers = orphan.paths.filter((path) => !path.endsWith('-stdin')).map(discard);
  try {
    if (readers.length < orphan.paths.length) await tasks.closeStdin(orphan);
    await tasks.wait(orphan);
  } finally {
    for (const reader of readers) reader.close();
  }
  await forget(deps, orphan);
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
