import { join } from 'node:path';
import { errorMessage } from '../base/errors';
import { createReadBuffer, FifoReader } from '../io/fifo';
import type { Container } from '../model/container';
import type { RecoverDeps } from './recover';

const FIFO = /^([0-9a-f]{64})-(?:stdin|stdout|stderr)$/;
const DELETE_TIMEOUT_MS = 10_000;

/**
 * Looks after commands that ran in a container when our predecessor ended: their clients are gone, but nobody else would
 * ever delete them, and the shim remembers each for as long as it lives. No RPC lists those that have ended; the names of
 * their FIFOs do. One that still runs is left to end by itself, with what it prints thrown away.
 */
export async function recoverExecs(deps: RecoverDeps, container: Container): Promise<void> {
  const { id } = container.metadata;
  const dir = deps.paths.io(id);
  const left = new Map<string, string[]>();
  for (const name of await deps.host.entries(dir)) {
    const execId = FIFO.exec(name)?.[1];
    if (execId === undefined || execId === id) continue;
    left.set(execId, [...(left.get(execId) ?? []), join(dir, name)]);
  }
  for (const [execId, fifos] of left) await recoverExec(deps, { containerId: id, execId }, fifos);
}

interface ExecRef {
  readonly containerId: string;
  readonly execId: string;
}

async function recoverExec(deps: RecoverDeps, exec: ExecRef, fifos: readonly string[]): Promise<void> {
  const { tasks } = deps.containerd;
  const process = await tasks.get(exec, { timeoutMs: DELETE_TIMEOUT_MS });
  if (process?.status !== 'RUNNING') return remove(deps, exec, fifos);
  const readers = fifos.filter((path) => !path.endsWith('-stdin')).map(discard);
  // In the background, for as long as it takes.
  void tasks
    .wait(exec)
    .catch((error: unknown) =>
      deps.log.debug('waiting for a command broke off', { ...exec, error: errorMessage(error) }),
    )
    .then(() => {
      for (const reader of readers) reader.close();
      return remove(deps, exec, fifos);
    })
    .catch((error: unknown) =>
      deps.log.warn('a command could not be deleted', { ...exec, error: errorMessage(error) }),
    );
}

async function remove(deps: RecoverDeps, exec: ExecRef, fifos: readonly string[]): Promise<void> {
  await deps.containerd.tasks.deleteProcess(exec, { timeoutMs: DELETE_TIMEOUT_MS });
  for (const path of fifos) await deps.host.removeFile(path);
  deps.log.info('deleted a command that was left', { ...exec });
}

function discard(path: string): FifoReader {
  return new FifoReader({ path, readBuffer: createReadBuffer(), onData: () => undefined, onEnd: () => undefined });
}
