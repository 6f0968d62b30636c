import { join } from 'node:path';
import { errorMessage } from '../../base/errors';
import { newId } from '../../base/ids';
import { parseJson } from '../../base/json/json';
import { jsonPieces } from '../../base/json/json-pieces';
import { unlessAborted, within } from '../../base/wait/deadline';
import { inTurn } from '../../base/work/divided-work';
import { inTurns } from '../../base/work/pieces';
import { type Container, containerState } from '../../model/container';
import type { Spec } from '../../model/spec';
import { execProcess } from '../../oci/process/exec-process';
import type { CriDeps } from '../deps';
import { invalid, notReady } from '../errors';
import { PROCESS_TYPE_URL } from '../type-urls';

const SIGKILL = 9;
/**
 * The limit of an exec's process spec, as JSON. containerd sends it to the shim in one ttrpc message of at most 4 MiB. 16 KiB
 * remain for the message's other fields: ids, the paths of three FIFOs, the namespace.
 */
export const MAX_EXEC_SPEC_BYTES = (4 << 20) - (16 << 10);
/** How long a shim may take to add a process to those it has. */
const CREATION_TIMEOUT_MS = 30_000;
/** How long a shim may take over one call that puts a process away; the caller's leaving does not shorten it. */
const CLEANUP_TIMEOUT_MS = 15_000;
/** How long a caller waits for that; then it goes on in the background. */
const PATIENCE_MS = 2000;
/** A shim has written what it was writing within this, once its process is deleted. */
const LAST_WRITE_MS = 5000;

type Deps = Pick<CriDeps, 'containerd' | 'containers' | 'host' | 'paths' | 'retries' | 'log'>;

/** An extra process in a container, and the FIFOs it talks through; an empty path: it has no such stream. */
export interface ExecProcess {
  readonly containerId: string;
  readonly execId: string;
  readonly tty: boolean;
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  /** Its creation in containerd, once that has begun. */
  creation?: Promise<void>;
}

/** With a terminal, what a process prints comes on stdout; otherwise it has both outputs. */
export interface ExecStdio {
  readonly tty: boolean;
  /** False: its stdin is at its end from the start. */
  readonly stdin: boolean;
}

/** Reads the outputs of a process. */
export interface ExecOutput {
  /** From now on what is printed is read and thrown away. */
  discard(): void;
  /** Lets go of the FIFOs at their end, at the latest after so many milliseconds. What is printed meanwhile is thrown away. */
  closeWithin(ms: number): void;
}

export interface ExecOptions<Output extends ExecOutput> {
  readonly stdio: ExecStdio;
  /** Opens the FIFOs of the outputs, which exist, for reading. Throws with nothing left open. */
  open(exec: ExecProcess): Output;
}

/**
 * Runs `act` for a process in `container`, which must be running, and settles as `act` does. Afterwards nothing of the process
 * is left, as far as `deleteExec` can see to it.
 */
export async function withExec<Output extends ExecOutput, Result>(
  deps: Deps,
  container: Container,
  { stdio, open }: ExecOptions<Output>,
  act: (exec: ExecProcess, output: Output) => Promise<Result>,
): Promise<Result> {
  const exec = await newExec(deps, container, stdio);
  let output: Output | undefined;
  try {
    output = open(exec);
    return await act(exec, output);
  } finally {
    await deleteExec(deps, exec, output);
  }
}

/**
 * Makes the FIFOs of a process. Every output has one, whether or not somebody asked for it: runc's shim starts the process
 * first and fails then at an output without a name (`copyPipes`; for a terminal `CopyConsole`), so that nobody learns how the
 * process ends.
 */
async function newExec(deps: Deps, container: Container, { tty, stdin }: ExecStdio): Promise<ExecProcess> {
  const { id } = container.metadata;
  requireRunning(container);
  const execId = newId();
  const path = (name: 'stdin' | 'stdout' | 'stderr'): string => join(deps.paths.io(id), `${execId}-${name}`);
  const exec: ExecProcess = {
    containerId: id,
    execId,
    tty,
    stdin: stdin ? path('stdin') : '',
    stdout: path('stdout'),
    stderr: tty ? '' : path('stderr'),
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

/**
 * Creates the process in containerd; it does not run yet. Its FIFOs must be open for reading by now. The signal ends the wait,
 * not the creation: the shim would add the process all the same, after it was told to delete what it did not have yet.
 */
export async function createExec(
  deps: Deps,
  exec: ExecProcess,
  cmd: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const { containerId, execId, tty, stdin, stdout, stderr } = exec;
  const value = await processSpec(deps, exec, cmd, signal);
  checkSpecSize(value.length);
  signal?.throwIfAborted();
  const process = { containerId, execId, stdin, stdout, stderr, terminal: tty };
  const spec = { typeUrl: PROCESS_TYPE_URL, value };
  const creation = deps.containerd.tasks.exec({ ...process, spec }, { timeoutMs: CREATION_TIMEOUT_MS });
  exec.creation = creation;
  await (signal ? unlessAborted(creation, signal) : creation);
}

/**
 * Starts the process and answers its exit code; `onStart` is called once it runs. When `signal` fires first it is killed,
 * and rejects with the signal's reason once it is dead, or sooner when its shim hangs.
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
    // What is being started cannot be killed yet, and what still runs cannot be deleted.
    await orLater(starting.catch(() => undefined).then(() => kill(deps, exec, exit)));
    throw error;
  } finally {
    waiting.abort(new Error('the exec is over'));
  }
}

async function kill(deps: Deps, { containerId, execId }: ExecProcess, exit: Promise<unknown>): Promise<void> {
  const target = { containerId, execId, signal: SIGKILL };
  const killed = await deps.containerd.tasks.kill(target, { timeoutMs: CLEANUP_TIMEOUT_MS }).catch(() => false);
  if (killed) await exit.catch(() => undefined);
}

/** Waits for what puts a process away, but a shim that hangs keeps no caller: the rest is done in the background. */
function orLater(cleanup: Promise<void>): Promise<void> {
  return within(PATIENCE_MS, 'the clean-up', () => cleanup).catch(() => undefined);
}

/**
 * Afterwards neither containerd nor the file system has anything of the process left, and `output` is closed. When that takes
 * long or fails (the shim hangs, the daemon is away) it goes on or is tried again in the background, for as long as there is
 * the container. Until then its FIFOs stay: by them it is found at the next start. Never rejects.
 *
 * A child of the process may hold an output for ever: runc's shim waits for the end of the outputs when it deletes a process,
 * two seconds on containerd 1.6 and ten on 2.4, then closes its side. A thread of it that writes into a full FIFO then would
 * wait for ever, so the outputs are read until the process is deleted, and on until that thread has seen that its side is closed.
 */
async function deleteExec(deps: Deps, exec: ExecProcess, output?: ExecOutput): Promise<void> {
  const { containerId, execId } = exec;
  output?.discard();
  const deleting = removeExec(deps, exec)
    .catch((thrown: unknown) => {
      const error = errorMessage(thrown);
      deps.log.warn('an exec could not be deleted, trying again', { containerId, execId, error });
      deps.retries.until(`the deletion of exec ${execId}`, () => deletedLater(deps, exec), error);
    })
    .finally(() => output?.closeWithin(LAST_WRITE_MS));
  await orLater(deleting);
}

async function deletedLater(deps: Deps, exec: ExecProcess): Promise<boolean> {
  const { containerId, execId } = exec;
  if (deps.containers.get(containerId) === undefined) return true; // it has gone with its container
  const target = { containerId, execId, signal: SIGKILL };
  // Refused of one that has not been started; what still runs afterwards cannot be deleted until the next time.
  await deps.containerd.tasks.kill(target, { timeoutMs: CLEANUP_TIMEOUT_MS }).catch(() => false);
  await removeExec(deps, exec);
  return true;
}

async function removeExec(deps: Deps, exec: ExecProcess): Promise<void> {
  const { containerId, execId, creation } = exec;
  await creation?.catch(() => undefined);
  await deps.containerd.tasks.deleteProcess({ containerId, execId }, { timeoutMs: CLEANUP_TIMEOUT_MS });
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

/** The spec has the container's variables as well as the command. */
function checkSpecSize(bytes: number): void {
  if (bytes <= MAX_EXEC_SPEC_BYTES) return;
  const problem = `with the container's variables it takes ${bytes} bytes as JSON, ${MAX_EXEC_SPEC_BYTES} are the limit`;
  throw invalid('cmd', problem);
}

/** The container's own process with other arguments: user, groups, capabilities and environment as its record has them. */
async function processSpec(
  deps: Deps,
  { containerId, tty }: ExecProcess,
  cmd: readonly string[],
  signal?: AbortSignal,
): Promise<Buffer> {
  const container = deps.containers.get(containerId);
  let process = container?.process;
  if (!process) {
    const record = await deps.containerd.containers.get(containerId, { signal });
    if (!record?.spec) throw notReady(`container "${containerId}" has no record`);
    const { value } = record.spec;
    process = (await inTurn(() => parseJson(value.toString('utf8')) as Spec)).process;
    if (container) container.process = process; // a probe asks every few seconds
  }
  return inTurns(jsonPieces(await inTurns(execProcess(process, { cmd, tty }))));
}
