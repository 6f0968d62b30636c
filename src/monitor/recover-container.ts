import { errorMessage } from '../base/errors';
import type { ContainerRecord } from '../containerd/containers';
import { taskOfContainer } from '../lifecycle/task-presence';
import { type Container, type ContainerStatus, containerState } from '../model/container';
import { resourcesOf } from '../oci/resources';
import { LOST_EXIT_STATUS } from '../state/exits';
import { specOf } from '../state/partial-metadata';
import { afterwards } from './afterwards';
import { clearCutOffStart, deleteUnstarted, recordEnd, recordLostEnd, runInDoubt, runOn } from './container-acts';
import type { Found } from './inventory';
import { readContainer, userOf } from './read-container';
import { askForTask, hasProcesses, type RecoverDeps, reserveRecovered } from './recover';
import { type ContainerDecision, type ContainerFacts, decideContainer, type TaskAnswer } from './recovery-decision';

const STATUS_FILE_PATIENCE_MS = 120_000;

/**
 * Lists one container again by its record, in the state that `decideContainer` says. Whatever of it cannot be read or is in
 * doubt is asked again in the background.
 */
export async function recoverContainer(deps: RecoverDeps, record: ContainerRecord, found: Found): Promise<void> {
  const { metadata, unreadable } = readContainer(deps, record);
  const stored = await deps.containers.readStatus(record.id).catch(() => undefined);
  const container: Container = {
    metadata,
    status: stored ?? statusOfRecord(record),
    snapshotter: record.snapshotter,
    user: userOf(record),
    unreadable,
  };
  reserveRecovered(deps, metadata.name, metadata.id);
  deps.selinux.reserve(metadata.processLabel);
  deps.containers.add(container);
  if (unreadable) readAgain(deps, container);
  const last = stored ? lastStateOf(stored) : 'unread';
  // The usual case: it has ended and its task is deleted.
  if (last === 'exited' && found.tasksListed && !found.tasks.has(record.id)) return;
  const rest = await settle(deps, { container, last, found });
  if (rest) return afterwards(deps, record.id, () => orInDoubt(deps, { container, last }, rest));
  if (container.doubt !== undefined) askAgain(deps, { container, last });
}

/** What fails now is looked at again as a whole. */
async function orInDoubt(deps: RecoverDeps, { container, last }: Look, rest: Rest): Promise<void> {
  try {
    await rest();
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
type Rest = () => Promise<void>;

interface Look {
  readonly container: Container;
  readonly last: LastState;
  readonly found?: Found;
}

/** Gives a container the state that follows; answers what is still to be done for that, if anything. */
async function settle(deps: RecoverDeps, { container, last, found }: Look): Promise<Rest | undefined> {
  const sought = { ...taskOfContainer(deps, container), ran: last === 'running' || last === 'unread' };
  const asked = await askForTask(deps, sought, found);
  const contradicts = asked.said === 'created' && last === 'running';
  const answer: TaskAnswer = contradicts ? { said: 'nothing', why: 'its task was never started, and it ran' } : asked;
  const processes =
    answer.said === 'nothing' && (await hasProcesses(deps, sought, found).catch(() => last !== 'created'));
  const logged = last === 'unread' && answer.said === 'none' && (await hasLog(deps, container));
  const decision = decideContainer({ task: answer.said, last, processes, logged });
  container.doubt = answer.said === 'nothing' ? answer.why : undefined;
  const unknown = decision === 'UNKNOWN in doubt';
  // What was told of it in doubt is taken back.
  const neverStarted = last === 'created' || decision === 'clear a cut-off start' || decision === 'delete the task';
  deps.containers.updateInMemory(container, neverStarted ? { unknown, startedAt: 0n } : { unknown });
  return act(deps, container, { decision, answer });
}

async function act(
  deps: RecoverDeps,
  container: Container,
  { decision, answer }: { decision: ContainerDecision; answer: TaskAnswer },
): Promise<Rest | undefined> {
  const { id } = container.metadata;
  switch (decision) {
    case 'run on':
      return answer.said === 'runs' ? runOn(deps, container, answer.task).then(() => undefined) : undefined;
    case 'record the end':
      return answer.said === 'ended' ? recordEnd(deps, container, answer.task).then(() => undefined) : undefined;
    case 'delete the task':
      return () => deleteUnstarted(deps, container);
    case 'record a lost end':
      return () => recordLostEnd(deps, container);
    case 'clear a cut-off start':
      return () => clearCutOffStart(deps, container);
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
    await rest?.();
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
  container.unreadable ??= problem;
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
    if (container.unreadable === problem) container.unreadable = undefined;
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
    const { metadata, unreadable } = readContainer(deps, record);
    if (unreadable) throw new Error(unreadable);
    await using _held = await deps.locks.hold(id);
    if (deps.containers.get(id) !== container) return true;
    reserveRecovered(deps, metadata.name, id);
    deps.selinux.reserve(metadata.processLabel);
    container.metadata = metadata;
    container.user = userOf(record);
    container.unreadable = undefined;
    deps.containers.updateInMemory(container, {}); // its item in lists is written anew
    deps.log.info('the record of a container can be read again', { id });
    return true;
  };
  deps.retries.until(`the record of container ${id}`, again, container.unreadable);
}

/** A container that has been started has a log, if it has one at all. */
async function hasLog({ host }: RecoverDeps, { metadata: { logPath } }: Container): Promise<boolean> {
  if (logPath === '') return false;
  const [found] = await host.resolvePaths([{ path: logPath, create: false }]).catch(() => []);
  return found !== undefined && found.kind !== 'missing';
}

/** What its record says of a container whose status file cannot be read. */
function statusOfRecord(record: ContainerRecord): ContainerStatus {
  const spec = specOf(record);
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
