import { errorMessage } from '../base/errors';
import { sleep } from '../base/wait/backoff';
import { inTurn } from '../base/work/divided-work';
import type { ContainerRecord } from '../containerd/containers';
import { type Container, type ContainerStatus, containerState } from '../model/container';
import type { Spec } from '../model/spec';
import { resourcesOf } from '../oci/resources/resources';
import { LOST_EXIT_STATUS } from '../state/exits';
import { hasTornSpec, specOf, TORN_SPEC } from '../state/partial-metadata';
import { OOM_KILLED } from '../tasks/oom-kills';
import { taskOfContainer } from '../tasks/task-presence';
import { askForTask, hasProcesses, type Sought } from './ask-for-task';
import { afterwards } from './background';
import { clearCutOffStart, deleteUnstarted, recordEnd, recordLostEnd, runInDoubt, runOn } from './container-acts';
import type { Found } from './inventory';
import { readContainer, userOf } from './read-container';
import { type RecoverDeps, TASK_TIMEOUT_MS } from './recover-deps';
import {
  type ContainerDecision,
  type ContainerFacts,
  decideContainer,
  type Look as LookAtMachine,
  type TaskAnswer,
} from './recovery-decision';
import { takeUpStdio } from './reopen-stdio';
import { reserveRecovered } from './reserve-recovered';

const STATUS_FILE_PATIENCE_MS = 120_000;
/** How long a container's lock is held for its output to be taken up. */
const PATIENCE_MS = 2000;

/**
 * Lists one container again by its record, in the state that `decideContainer` says. Whatever of it cannot be read or is in
 * doubt is asked again in the background.
 */
export async function recoverContainer(deps: RecoverDeps, record: ContainerRecord, found: Found): Promise<void> {
  const { metadata, unreadable } = await readContainer(deps, record);
  const spec = await inTurn(() => specOf(record));
  const stored = await deps.containers.readStatus(record.id).catch(() => undefined);
  const container: Container = {
    metadata,
    status: stored ?? statusOfRecord(record, spec),
    snapshotter: record.snapshotter,
    user: userOf(spec),
    unreadable,
    // So containerd's plugin keeps an OOM event, also of a container that runs on.
    oomKilled: stored?.reason === OOM_KILLED,
  };
  reserveRecovered(deps, metadata.name, metadata.id);
  deps.selinux.reserve(metadata.processLabel);
  deps.containers.add(container);
  if (unreadable || hasTornSpec(record)) readAgain(deps, container);
  const last = stored ? lastStateOf(stored) : 'unread';
  // The usual case: it has ended and its task is deleted.
  if (last === 'exited' && found.tasksListed && !found.tasks.has(record.id)) return;
  const rest = await settle(deps, { container, last, found });
  if (rest) return startRest(deps, { container, last, found }, rest);
  if (container.doubt !== undefined) askAgain(deps, { container, last });
}

/** Begins what is left to be done under the container's lock. A start waits for the end of what kubelet is to see at once. */
async function startRest(deps: RecoverDeps, look: Look & { found: Found }, { waits, act }: Rest): Promise<void> {
  const { id } = look.container.metadata;
  const { ended } = await afterwards(deps, id, () => orInDoubt(deps, look, act));
  if (waits) await Promise.race([ended, look.found.outputPatience()]);
}

/** What fails now is looked at again as a whole. */
async function orInDoubt(deps: RecoverDeps, { container, last }: Look, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    container.doubt = errorMessage(error);
    askAgain(deps, { container, last });
  }
}

type LastState = ContainerFacts['last'];

function lastStateOf(status: ContainerStatus): LastState {
  if (status.finishedAt !== 0n) return 'exited';
  return status.startedAt !== 0n ? 'running' : 'created';
}

/** What may take its time, to be done under the container's lock. */
interface Rest {
  /** Whether a start waits for it, for a while. */
  readonly waits: boolean;
  act(): Promise<void>;
}

interface Look {
  readonly container: Container;
  readonly last: LastState;
  readonly found?: Found;
}

/** Gives a container the state that follows; answers what is still to be done for that, if anything. */
async function settle(deps: RecoverDeps, { container, last, found }: Look): Promise<Rest | undefined> {
  const sought = { ...taskOfContainer(deps, container), ran: last === 'running' || last === 'unread' };
  const asked = await askForTask(deps, sought, found);
  const contradicts = await contradictionOf(deps, sought, { said: asked.said, last, found });
  const answer = contradicts ?? asked;
  const processes =
    answer.said === 'nothing' && (await hasProcesses(deps, sought, found).catch(() => last !== 'created'));
  const logged = last === 'unread' && answer.said === 'none' ? await hasLog(deps, container) : 'no';
  const decision = decideContainer({ task: answer.said, last, processes, logged });
  container.doubt = answer.said === 'nothing' ? answer.why : undefined;
  const unknown = decision === 'UNKNOWN in doubt';
  // What was told of it in doubt is taken back.
  const notStarted = decision === 'clear a cut-off start' || decision === 'delete the task';
  const neverStarted = last === 'created' || (notStarted && last !== 'exited');
  deps.containers.updateInMemory(container, neverStarted ? { unknown, startedAt: 0n } : { unknown });
  return restOf(deps, container, { decision, answer, patience: found?.outputPatience ?? (() => sleep(PATIENCE_MS)) });
}

/** Where the status file and the tasks service contradict each other, /proc decides, and what it does not decide is in doubt. */
async function contradictionOf(
  deps: RecoverDeps,
  sought: Sought,
  { said, last, found }: { said: TaskAnswer['said']; last: LastState; found: Found | undefined },
): Promise<TaskAnswer | undefined> {
  if (said === 'created' && last === 'running')
    return { said: 'nothing', why: 'its task was never started, and by its status file it ran' };
  if (said !== 'runs' || last !== 'exited') return undefined;
  if (await hasProcesses(deps, { ...sought, ran: true }, found).catch(() => false)) return undefined;
  return { said: 'nothing', why: 'its task runs, and by its status file it has ended' };
}

async function restOf(
  deps: RecoverDeps,
  container: Container,
  { decision, answer, patience }: { decision: ContainerDecision; answer: TaskAnswer; patience: () => Promise<void> },
): Promise<Rest | undefined> {
  const { id } = container.metadata;
  switch (decision) {
    case 'run on':
      if (answer.said === 'runs') await runOn(deps, container, { task: answer.task, patience });
      return undefined;
    case 'record the end':
      return answer.said === 'ended' ? { waits: true, act: () => recordEnd(deps, container, answer.task) } : undefined;
    case 'delete the task':
      return { waits: false, act: () => deleteUnstarted(deps, container) };
    case 'record a lost end':
      return { waits: false, act: () => recordLostEnd(deps, container) };
    case 'clear a cut-off start':
      return { waits: false, act: () => clearCutOffStart(deps, container) };
    case 'EXITED unread':
      waitForStatusFile(deps, container);
      return undefined;
    case 'RUNNING in doubt':
      await runInDoubt(deps, container);
      return undefined;
    case 'leave':
    case 'EXITED in doubt':
    case 'CREATED in doubt':
    case 'UNKNOWN in doubt':
      deps.log.debug('a container is what it was', { id, decision });
      return undefined;
  }
}

/** Asks again about a container in doubt until there is an answer, or its end, a stop or a removal has ended the doubt. */
function askAgain(deps: RecoverDeps, { container, last }: Look): void {
  const { id } = container.metadata;
  deps.log.warn('a container is in doubt, asking containerd again', { id, doubt: container.doubt });
  const again = async (): Promise<boolean> => {
    await using _held = await deps.locks.hold(id);
    if (deps.containers.get(id) !== container || container.doubt === undefined || container.busy) return true;
    // An end that was seen meanwhile is known; another one that was read from its file still has its task to be deleted.
    if (last !== 'exited' && container.status.finishedAt !== 0n) return true;
    const rest = await settle(deps, { container, last: await lastStateNow(deps, container, last) });
    if (container.doubt !== undefined) throw new Error(container.doubt);
    await rest?.act();
    deps.log.info('a container is not in doubt any more', { id, state: containerState(container.status) });
    return true;
  };
  deps.retries.until(`the state of container ${id}`, again, container.doubt);
}

/** A status file that could not be read may be readable by now. */
async function lastStateNow(deps: RecoverDeps, container: Container, last: LastState): Promise<LastState> {
  if (last !== 'unread') return last;
  const stored = await deps.containers.readStatus(container.metadata.id).catch(() => undefined);
  if (!stored) return last;
  deps.containers.updateInMemory(container, stored);
  return lastStateOf(stored);
}

/**
 * A container that has ended and whose status file cannot be read is listed as EXITED; how it ended is not told, so that
 * kubelet keeps what it knows of it. What cannot be read in two minutes is lost.
 */
function waitForStatusFile(deps: RecoverDeps, container: Container): void {
  const { id } = container.metadata;
  const { createdAt } = container.status;
  const problem = 'its status file cannot be read';
  container.endUnread = true;
  deps.containers.updateInMemory(container, {
    startedAt: createdAt,
    finishedAt: createdAt,
    exitCode: LOST_EXIT_STATUS,
  });
  const until = performance.now() + STATUS_FILE_PATIENCE_MS;
  const again = async (): Promise<boolean> => {
    await using _held = await deps.locks.hold(id);
    if (deps.containers.get(id) !== container || container.busy) return true;
    const stored = await deps.containers.readStatus(id).catch(() => undefined);
    if (!stored && performance.now() < until) throw new Error(problem);
    if (stored) deps.containers.updateInMemory(container, stored);
    else await recordLostEnd(deps, container);
    container.endUnread = undefined;
    return true;
  };
  deps.retries.until(`the status file of container ${id}`, again, problem);
}

/** Reads the record of a container again until that is complete. */
function readAgain(deps: RecoverDeps, container: Container): void {
  const { id } = container.metadata;
  const again = async (): Promise<boolean> => {
    const record = await deps.containerd.containers.get(id);
    if (deps.containers.get(id) !== container) return true;
    if (!record) throw new Error('containerd says that it has no record');
    const { metadata, unreadable } = await readContainer(deps, record);
    const spec = await inTurn(() => specOf(record));
    if (unreadable || hasTornSpec(record)) throw new Error(unreadable ?? TORN_SPEC);
    await using _held = await deps.locks.hold(id);
    if (deps.containers.get(id) !== container) return true;
    const wasUnread = container.metadata.name === '';
    if (wasUnread) reserveRecovered(deps, metadata.name, id);
    if (wasUnread) deps.selinux.reserve(metadata.processLabel);
    container.metadata = metadata;
    container.user = userOf(spec);
    if (wasUnread && containerState(container.status) === 'RUNNING') await readOutput(deps, container);
    container.unreadable = undefined;
    deps.containers.updateInMemory(container, {}); // its item in lists is written anew
    deps.log.info('the record of a container can be read again', { id });
    return true;
  };
  deps.retries.until(`the record of container ${id}`, again, container.unreadable ?? TORN_SPEC);
}

/** Its log is known only now. */
async function readOutput(deps: RecoverDeps, container: Container): Promise<void> {
  const task = await deps.containerd.tasks.get({ containerId: container.metadata.id }, { timeoutMs: TASK_TIMEOUT_MS });
  if (task) await Promise.race([takeUpStdio(deps, container, task), sleep(PATIENCE_MS)]);
}

/** A container that has been started has a log, if it has one at all. */
async function hasLog({ host }: RecoverDeps, { metadata: { logPath } }: Container): Promise<LookAtMachine> {
  if (logPath === '') return 'no';
  try {
    const [found] = await host.resolvePaths([{ path: logPath, create: false }]);
    return found !== undefined && found.kind !== 'missing' ? 'yes' : 'no';
  } catch {
    return 'failed';
  }
}

/** What its record says of a container whose status file cannot be read. */
function statusOfRecord(record: ContainerRecord, spec: Spec | undefined): ContainerStatus {
  return {
    pid: 0,
    createdAt: record.createdAt,
    startedAt: 0n,
    finishedAt: 0n,
    exitCode: 0,
    reason: '',
    message: '',
    resources: spec && { linux: resourcesOf(spec), windows: undefined },
    unknown: false,
  };
}
