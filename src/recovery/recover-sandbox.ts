import { errorMessage } from '../base/errors';
import type { ContainerRecord } from '../containerd/containers';
import { watchSandbox } from '../exits/watch-exits';
import type { Sandbox } from '../model/sandbox';
import { SHIM_GROUP } from '../oci/annotations';
import { finishSandbox } from '../pods/finish-sandbox';
import { INFRA_LABEL, isPinned, markWithInfra, WITHOUT_INFRA } from '../pods/infra';
import { ensurePodLease } from '../pods/pod-lease';
import { storedResources } from '../pods/sandbox-resources';
import { sharesHostIpc } from '../pods/shares-host-ipc';
import { LOST_EXIT_STATUS } from '../state/exits';
import { hasTornSpec, specOf, TORN_SPEC } from '../state/partial-metadata';
import { clearHalfMadeTask } from '../tasks/half-made-task';
import { killAndDelete } from '../tasks/kill-and-delete';
import { pauseTaskOf } from '../tasks/task-presence';
import { askForTask, hasProcesses } from './ask-for-task';
import { afterwards } from './background';
import type { Asked, Found } from './inventory';
import { readPod } from './read-pod';
import { CLEANUP_TIMEOUT_MS, type RecoverDeps } from './recover-deps';
import { decidePod, type Look, type PodDecision, type TaskAnswer } from './recovery-decision';
import { reserveRecovered } from './reserve-recovered';

/**
 * Lists one pod again by its record, READY or NOTREADY as `decidePod` says. Whatever of it cannot be read or is in doubt is
 * asked again in the background; nothing of it is taken apart.
 */
export async function recoverSandbox(deps: RecoverDeps, record: ContainerRecord, asked: Asked): Promise<void> {
  const { metadata, unreadable } = await readPod(deps, record, asked);
  const sandbox: Sandbox = {
    metadata,
    status: { state: 'NOTREADY', pid: 0, createdAt: record.createdAt, exitedAt: 0n, exitStatus: 0 },
    shimGroup: shimGroupOf(record),
    unreadable,
  };
  sandbox.status = { ...sandbox.status, ...(await storedResources(deps, record.id, asked.stored?.get(record.id))) };
  reserveRecovered(deps, metadata.name, metadata.id);
  deps.selinux.reserve(metadata.processLabel);
  const { decision } = await settle(deps, { sandbox, record, found: asked });
  deps.sandboxes.add(sandbox);
  // Without a task it is in no shim.
  if (sandbox.status.exitedAt !== 0n) restoreShim(deps, sandbox);
  if (sandbox.doubt) {
    deps.log.warn('a pod is in doubt, asking containerd again', { id: record.id, doubt: sandbox.doubt });
    askAgain(deps, { sandbox, record });
  }
  if (unreadable || hasTornSpec(record)) readAgain(deps, { sandbox, record });
  if (deps.daemon.features.sandboxStore && !asked.stored) readResourcesAgain(deps, sandbox);
  if (decision.state === 'READY') await takeUp(deps, sandbox, asked);
  else if (decision.infra && !decision.doubt && sandbox.status.exitedAt === 0n) {
    await clearCutOffPause(deps, sandbox, record.snapshotter);
  }
}

interface Pod {
  readonly sandbox: Sandbox;
  readonly record: ContainerRecord;
  readonly found?: Found;
}

interface Settled {
  readonly answer: TaskAnswer;
  readonly decision: PodDecision;
}

/** Gives a pod the state that follows from its task and the machine. */
async function settle(deps: RecoverDeps, { sandbox, record, found }: Pod): Promise<Settled> {
  const sought = { ...pauseTaskOf(deps, sandbox), ran: true };
  const marked = record.labels[INFRA_LABEL] === WITHOUT_INFRA;
  const answer = await askForTask(deps, sought, found);
  const doubt = answer.said === 'nothing';
  const decision = decidePod({
    task: answer.said,
    withoutInfra: marked,
    pinned: marked ? await look(() => pinned(deps, sandbox)) : 'no',
    wired: doubt ? await look(() => isWired(deps, sandbox)) : 'no',
    processes: doubt && (await hasProcesses(deps, sought, found).catch(() => true)),
  });
  if (answer.said === 'created')
    await orLater(deps, `the deletion of a pause task (${record.id})`, () => deleteUnstarted(deps, record.id));
  if (marked && (answer.said === 'runs' || answer.said === 'ended')) {
    await orLater(deps, `the mark of pod ${record.id}`, () => markWithInfra(deps, record.id));
  }
  sandbox.withoutInfra = decision.infra ? undefined : true;
  sandbox.doubt = decision.doubt ? doubtOf(answer) : undefined;
  sandbox.status = { ...sandbox.status, state: decision.state, ...taskFacts(answer) };
  return { answer, decision };
}

/** It was created and never started: the crash came in between. */
function deleteUnstarted(deps: RecoverDeps, id: string): Promise<void> {
  return killAndDelete(deps, id, AbortSignal.timeout(CLEANUP_TIMEOUT_MS));
}

/** What fails now is tried again in the background. */
async function orLater(deps: RecoverDeps, what: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    deps.retries.until(what, () => act().then(() => true), errorMessage(error));
  }
}

function doubtOf(answer: TaskAnswer): string {
  return answer.said === 'nothing' ? answer.why : 'its pinned namespaces cannot be looked at';
}

function taskFacts(answer: TaskAnswer): Partial<Sandbox['status']> {
  if (answer.said === 'runs') return { pid: answer.task.pid };
  // One that has ended stays for StopPodSandbox: other tasks may still be in its shim.
  if (answer.said === 'ended') return { exitedAt: answer.task.exitedAt, exitStatus: answer.task.exitStatus };
  return {};
}

async function look(at: () => Promise<boolean>): Promise<Look> {
  try {
    return (await at()) ? 'yes' : 'no';
  } catch {
    return 'failed';
  }
}

/** Of a pod whose configuration is not known, the directory is what there is to look at. */
function pinned(deps: RecoverDeps, { metadata, unreadable }: Sandbox): Promise<boolean> {
  return unreadable ? deps.host.isDirectory(deps.paths.pinned(metadata.id)) : isPinned(deps, metadata);
}

/** Neither stopped nor of before a reboot: then it has its network namespace, or on the node's network its /dev/shm. */
async function isWired({ host, paths }: RecoverDeps, { metadata }: Sandbox): Promise<boolean> {
  const { id, netnsPath, config } = metadata;
  if (netnsPath !== '') return host.isNetns(netnsPath);
  return sharesHostIpc(config) || host.isMountPoint(paths.shm(id));
}

/** Asks again about a pod in doubt until there is an answer, or its end or its stop has ended the doubt. */
function askAgain(deps: RecoverDeps, { sandbox, record }: Pod): void {
  const { id } = record;
  const again = async (): Promise<boolean> => {
    await using _held = await deps.locks.hold(id);
    const { status, doubt, stopping } = sandbox;
    if (deps.sandboxes.get(id) !== sandbox || doubt === undefined || stopping || status.exitedAt !== 0n) return true;
    const { answer, decision } = await settle(deps, { sandbox, record });
    if (decision.doubt) throw new Error(sandbox.doubt);
    deps.log.info('a pod is not in doubt any more', { id, state: decision.state });
    if (status.state !== 'READY' && decision.state === 'READY') await takeUp(deps, sandbox);
    if (status.state === 'READY' && decision.state === 'NOTREADY') await recordEnd(deps, sandbox, answer);
    return true;
  };
  deps.retries.until(`the state of pod ${id}`, again, sandbox.doubt);
}

async function recordEnd(deps: RecoverDeps, sandbox: Sandbox, answer: TaskAnswer): Promise<void> {
  deps.monitor.unwatch(sandbox.metadata.id);
  const lost = { exitStatus: LOST_EXIT_STATUS, exitedAt: BigInt(Date.now()) * 1_000_000n };
  sandbox.status = { ...sandbox.status, exitedAt: 0n };
  await finishSandbox(deps, sandbox, answer.said === 'ended' ? answer.task : lost);
}

/** Reads the record of a pod again until that is complete. */
function readAgain(deps: RecoverDeps, { sandbox, record: { id } }: Pod): void {
  const again = async (): Promise<boolean> => {
    const record = await deps.containerd.containers.get(id);
    if (deps.sandboxes.get(id) !== sandbox) return true;
    if (!record) throw new Error('containerd says that it has no record');
    const journal = new Map([[id, deps.sandboxes.journalEntry(id)]]);
    const { metadata, unreadable } = await readPod(deps, record, { stored: undefined, journal });
    if (unreadable || hasTornSpec(record)) throw new Error(unreadable ?? TORN_SPEC);
    await using _held = await deps.locks.hold(id);
    if (deps.sandboxes.get(id) !== sandbox) return true;
    if (sandbox.unreadable) reserveRecovered(deps, metadata.name, id);
    if (sandbox.unreadable) deps.selinux.reserve(metadata.processLabel);
    sandbox.metadata = metadata;
    sandbox.shimGroup = shimGroupOf(record);
    if (sandbox.status.state === 'READY') restoreShim(deps, sandbox);
    sandbox.unreadable = undefined;
    deps.sandboxes.update(id, {}); // its item in lists is written anew
    deps.log.info('the record of a pod can be read again', { id });
    return true;
  };
  deps.retries.until(`the record of pod ${id}`, again, sandbox.unreadable ?? TORN_SPEC);
}

/** What kubelet said of its resources may stand in the sandbox store alone, which could not be listed. */
function readResourcesAgain(deps: RecoverDeps, sandbox: Sandbox): void {
  const { id } = sandbox.metadata;
  const again = async (): Promise<boolean> => {
    const resources = await storedResources(deps, id, await deps.containerd.sandboxStore.get(id));
    await using _held = await deps.locks.hold(id);
    if (deps.sandboxes.get(id) === sandbox) deps.sandboxes.update(id, resources);
    return true;
  };
  deps.retries.until(`the resources of pod ${id}`, again, 'the sandbox store could not be listed');
}

/** The other pod in whose shim this one is, by the spec that the shim was given. */
function shimGroupOf(record: ContainerRecord): string | undefined {
  if (!record.spec?.value.includes(SHIM_GROUP)) return undefined; // as all of them, mostly: not worth parsing
  return specOf(record)?.annotations?.[SHIM_GROUP];
}

function restoreShim(deps: RecoverDeps, { metadata, shimGroup }: Sandbox): void {
  const handler = deps.handlers.ofPod(metadata.runtimeHandler);
  deps.shimGroups.restore(metadata.id, shimGroup ?? metadata.id, handler);
}

/** A pod that runs is watched, and has the lease that containers are made under. */
async function takeUp(deps: RecoverDeps, sandbox: Sandbox, found?: Found): Promise<void> {
  const { id } = sandbox.metadata;
  restoreShim(deps, sandbox);
  if (!sandbox.withoutInfra) watchSandbox(deps, deps.monitor, sandbox);
  if (found?.leases?.has(id)) return;
  const ensure = async (): Promise<void> => {
    if (deps.sandboxes.get(id) === sandbox) await ensurePodLease(deps, id);
  };
  const what = `the lease of pod ${id}`;
  if (!found || found.leases) return orLater(deps, what, ensure);
  // Where leases could not be listed it is there, almost always, and a start need not wait for that.
  deps.retries.until(what, () => ensure().then(() => true), 'leases could not be listed');
}

/** A pod that has not been taken down and has no task: we died while its task was being created. */
async function clearCutOffPause(deps: RecoverDeps, sandbox: Sandbox, snapshotter: string): Promise<void> {
  const { id, runtimeHandler } = sandbox.metadata;
  if ((await look(() => isWired(deps, sandbox))) !== 'yes') return;
  const task = { id, snapshotter, handler: deps.handlers.ofPod(runtimeHandler) };
  await afterwards(deps, id, async () => {
    sandbox.halfMade = !(await clearHalfMadeTask(deps, task));
  });
}
