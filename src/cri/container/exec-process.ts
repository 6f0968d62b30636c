import { join } from 'node:path';
import { within } from '../../base/deadline';
import { newId } from '../../base/ids';
import { parseJson, stringifyJson } from '../../base/json';
import { type Container, containerState } from '../../model/container';
import type { Spec } from '../../model/spec';
import { execProcess } from '../../oci/exec-process';
import type { CriDeps } from '../deps';
import { notReady } from '../errors';
import { PROCESS_TYPE_URL } from '../type-urls';

const SIGKILL = 9;
/** How long a killed exec may take to be seen dead before its leftovers are deleted anyway. */
const KILL_TIMEOUT_MS = 10_000;
const DELETE_TIMEOUT_MS = 10_000;

type Deps = Pick<CriDeps, 'containerd' | 'host' | 'paths' | 'log'>;

/** An extra process in a container, and the FIFOs it talks through; an empty path: it has no such stream. */
export interface ExecProcess {
  readonly containerId: string;
  readonly execId: string;
  readonly tty: boolean;
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Which streams a process has. With a terminal, what it prints comes on stdout. */
export interface ExecStdio {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

const OUTPUTS_ONLY: ExecStdio = { tty: false, stdin: false, stdout: true, stderr: true };

/** Makes the FIFOs of a process that is to run in `container`, which must be running. Call `deleteExec` in the end. */
export async function newExec(deps: Deps, container: Container, stdio = OUTPUTS_ONLY): Promise<ExecProcess> {
  const { id } = container.metadata;
  requireRunning(container);
  const execId = newId();
  const path = (name: 'stdin' | 'stdout' | 'stderr'): string =>
    stdio[name] ? join(deps.paths.io(id), `${execId}-${name}`) : '';
  const exec = {
    containerId: id,
    execId,
    tty: stdio.tty,
    stdin: path('stdin'),
    stdout: path('stdout'),
    stderr: path('stderr'),
  };
  try {
    await deps.host.makeFifos(fifosOf(exec));
  } catch (error) {
    await removeFifos(deps, exec);
    throw error;
  }
  return exec;
}

/** Refuses a container that does not run. */
export function requireRunning(container: Container): void {
  if (containerState(container.status) === 'RUNNING') return;
  throw notReady(`container "${container.metadata.id}" does not run`);
}

/** Creates the process in containerd; it does not run yet. Its FIFOs must be open for reading by now. */
export async function createExec(
  deps: Deps,
  exec: ExecProcess,
  cmd: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const { tty, ...streams } = exec;
  const value = await processSpec(deps, exec, cmd, signal);
  const spec = { typeUrl: PROCESS_TYPE_URL, value };
  await deps.containerd.tasks.exec({ ...streams, spec, terminal: tty }, { signal });
}

/**
 * Starts the process and answers its exit code; `onStart` is called once it runs. When `signal` fires first it is killed,
 * and rejects with the signal's reason once it is dead.
 */
export async function runExec(
  deps: Deps,
  exec: ExecProcess,
  signal: AbortSignal,
  onStart?: () => void,
): Promise<number> {
  const { tasks } = deps.containerd;
  const { containerId, execId } = exec;
  // When Start fails, Wait never answers: it is given up then.
  const waiting = new AbortController();
  // Before Start: a fast process may have ended before Start answers.
  const exit = tasks.wait({ containerId, execId }, { signal: waiting.signal });
  exit.catch(() => undefined);
  const aborted = new Promise<never>((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: waiting.signal });
  });
  aborted.catch(() => undefined);
  const starting = tasks.start({ containerId, execId });
  try {
    await Promise.race([starting, aborted]);
    onStart?.();
    return (await Promise.race([exit, aborted])).exitStatus;
  } catch (error) {
    // What is being started cannot be killed yet, and would run on afterwards.
    await within(KILL_TIMEOUT_MS, 'the start', () => starting).catch(() => undefined);
    const killed = await tasks.kill({ containerId, execId, signal: SIGKILL }).catch(() => false);
    // What still runs cannot be deleted.
    if (killed) await within(KILL_TIMEOUT_MS, 'the killed command', () => exit).catch(() => undefined);
    throw error;
  } finally {
    waiting.abort(new Error('the exec is over'));
  }
}

/**
 * Afterwards neither containerd nor the file system has anything of the process left. One that could not be deleted (the
 * daemon is away, or we are being stopped) keeps its FIFOs: by them it is found again at the next start. Never rejects.
 */
export async function deleteExec(deps: Deps, exec: ExecProcess): Promise<void> {
  const { containerId, execId } = exec;
  try {
    await deps.containerd.tasks.deleteProcess({ containerId, execId }, { timeoutMs: DELETE_TIMEOUT_MS });
  } catch (error) {
    deps.log.warn('an exec could not be deleted', { containerId, execId, error: String(error) });
    return;
  }
  await removeFifos(deps, exec);
}

/** One that cannot be removed goes with the container's directory. */
async function removeFifos({ host, log }: Pick<Deps, 'host' | 'log'>, exec: ExecProcess): Promise<void> {
  const remove = (path: string): Promise<void> =>
    host.removeFile(path).catch((error: unknown) => log.warn('a FIFO stays behind', { path, error: String(error) }));
  await Promise.all(fifosOf(exec).map(remove));
}

function fifosOf({ stdin, stdout, stderr }: ExecProcess): string[] {
  return [stdin, stdout, stderr].filter((path) => path !== '');
}

/** The container's own process with other arguments: user, groups, capabilities and environment as its record has them. */
async function processSpec(
  deps: Deps,
  { containerId, tty }: ExecProcess,
  cmd: readonly string[],
  signal?: AbortSignal,
): Promise<Buffer> {
  const record = await deps.containerd.containers.get(containerId, { signal });
  if (!record?.spec) throw notReady(`container "${containerId}" has no record`);
  const spec = parseJson(record.spec.value.toString('utf8')) as Spec;
  return Buffer.from(stringifyJson(execProcess(spec, { cmd, tty })));
}
