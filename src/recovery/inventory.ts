import { setTimeout as pause } from 'node:timers/promises';
import { errorMessage } from '../base/errors';
import { HeapRoom } from '../base/heap-room';
import { isId } from '../base/ids';
import { Limit } from '../base/work/limit';
import { once } from '../base/work/once';
import type { ContainerRecord } from '../containerd/containers';
import type { SandboxRecord } from '../containerd/sandbox-store';
import type { Process } from '../containerd/tasks';
import type { ProcessTable } from '../host/process/stray-processes';
import { containerState } from '../model/container';
import { KIND_CONTAINER, KIND_LABEL, KIND_SANDBOX } from '../state/labels';
import { CONTAINER_EXTENSION, SANDBOX_EXTENSION } from '../state/records';
import type { JournalEntry } from '../state/sandbox-store';
import { hasLiveRecord } from '../tasks/live-record';
import { leasesAtStart } from './abandoned-leases';
import { GET_TIMEOUT_MS, type RecoverDeps } from './recover-deps';

const AT_ONCE = 16;
/** Within this containerd lists all tasks, unless the shim of one of them hangs. */
const LIST_TASKS_TIMEOUT_MS = 1000;
const LIST_AGAIN_TIMEOUT_MS = 10_000;
/** For what a start can do without. */
const OPTIONAL_TIMEOUT_MS = 5000;
/** Records are read as a whole, on a busy machine slowly: the limit grows for as long as there was no answer. */
const RECORDS_TIMEOUT_MS = { least: 10_000, most: 60_000 };
const KINDS = [KIND_SANDBOX, KIND_CONTAINER];
/** No container has this id: a tasks service that works answers NOT_FOUND without asking any shim. */
const PROBE = 'crisp-probe';
/** The first member of the metadata in a record. */
const ID_MEMBER = '"ID":';
/** crisp-stdio may be being started anew; what containers print meanwhile waits in their pipes. */
const OUTPUT_PATIENCE_MS = 2000;
/** How long one contradictory id may hold up all others. */
const PATIENCE_MS = 120_000;
/** The same for one of which there are only files: mostly a creation that was interrupted, which has no record. */
const FILES_PATIENCE_MS = 30_000;

/** containerd is there, but a service that a start depends on has not answered, or its answers contradict the machine. */
export class NotAnswered extends Error {
  override readonly name = 'NotAnswered';
}

/** What containerd has, asked for once for all pods. */
export interface Found {
  /** What the list of tasks had. A task that is not in it may be there all the same. */
  readonly tasks: ReadonlyMap<string, Process>;
  /** The list of tasks was answered. */
  readonly tasksListed: boolean;
  /** Undefined when they could not be listed. */
  readonly leases: ReadonlySet<string> | undefined;
  /** What is in containerd's sandbox store; undefined when that could not be listed. */
  readonly stored: ReadonlyMap<string, SandboxRecord> | undefined;
  /** Asked once more, and given the time that shims which hang need; rejects when it is not answered. */
  tasksAgain(): Promise<readonly Process[]>;
  /** The processes of this host, looked at once when that is first asked for. */
  processes(): Promise<ProcessTable>;
  /** Resolves when a start has waited long enough for output to be taken up; the time begins when this is first asked for. */
  outputPatience(): Promise<void>;
}

/** That, the records of all pods and containers, and what only crisp's own files know of. */
export interface Asked extends Found {
  readonly records: readonly ContainerRecord[];
  /** Every pod that has a journal file. */
  readonly journal: ReadonlyMap<string, JournalEntry>;
  /** Ids that files know of and containerd has no record of, and nothing runs of them. */
  readonly absent: ReadonlySet<string>;
  /** Ids that files know of and containerd could not be asked about, with the reason. */
  readonly unasked: ReadonlyMap<string, string>;
  /** No answer left out what the files know of: only then may something be rolled back or swept. */
  readonly whole: boolean;
  /** What asking took, in milliseconds. */
  readonly ms: number;
}

/**
 * Asks containerd for all that `recover` needs to know, and reads what the files know; what else a start asks it may be
 * asked meanwhile. Rejects with NotAnswered, or as a call does, while there is no answer that can be relied on: then nothing
 * may be said about any pod. Leases of work that a crisp before us had begun are deleted.
 */
export async function askDaemon(deps: RecoverDeps): Promise<Asked> {
  const began = performance.now();
  const { containers, sandboxStore } = deps.containerd;
  const processes = once(() => deps.host.processTable());
  const [listed, tasks, leases, stored, journal] = await withRoom(() =>
    Promise.all([
      containers.list(
        KINDS.map((kind) => `labels."${KIND_LABEL}"==${kind}`),
        { timeoutMs: recordsTimeoutMs(deps) },
      ),
      listTasks(deps),
      optional(deps, 'leases', () => leasesAtStart(deps, { timeoutMs: OPTIONAL_TIMEOUT_MS })),
      optional(deps, 'sandbox records', () => sandboxStore.list([], { timeoutMs: OPTIONAL_TIMEOUT_MS })),
      optional(deps, 'the journal', () => deps.sandboxes.readJournal()),
    ]),
  );
  const records = new Map(listed.filter(isAboutItself).map((record) => [record.id, record]));
  const contradicted = new Set(listed.map(({ id }) => id).filter((id) => !records.has(id)));
  const unlisted = await askForUnlisted(deps, { records, contradicted, journal: journal ?? new Map(), processes });
  if (!tasks && records.size > 0) await requireTasksService(deps);
  return {
    ...unlisted,
    records: [...records.values()],
    tasks: tasks ?? new Map(),
    tasksListed: tasks !== undefined,
    tasksAgain: once(() => deps.containerd.tasks.list({ timeoutMs: LIST_AGAIN_TIMEOUT_MS })),
    ...{ leases: leases?.inUse, processes, journal: journal ?? new Map() },
    outputPatience: once(() => pause(OUTPUT_PATIENCE_MS, undefined, { ref: false })),
    whole: unlisted.whole && journal !== undefined,
    stored: stored && new Map(stored.map((record) => [record.id, record])),
    ms: Math.round(performance.now() - began),
  };
}

function recordsTimeoutMs({ retries }: RecoverDeps): number {
  const { least, most } = RECORDS_TIMEOUT_MS;
  return Math.min(most, Math.max(least, retries.ageMs() / 2));
}

/** The longer nothing was answered, the longer an answer may take: a machine may be that slow. */
function probeTimeoutMs({ retries }: RecoverDeps): number {
  return Math.min(GET_TIMEOUT_MS, Math.max(LIST_TASKS_TIMEOUT_MS, retries.ageMs() / 4));
}

/** All records come at once: a heap that is kept small would be marked as a whole again and again. */
export const withRoom = <T>(act: () => Promise<T>): Promise<T> => new HeapRoom().while(act);

/** Undefined when containerd does not list them: then each task is asked for by itself. */
async function listTasks(deps: RecoverDeps): Promise<Map<string, Process> | undefined> {
  try {
    const tasks = await deps.containerd.tasks.list({ timeoutMs: LIST_TASKS_TIMEOUT_MS });
    return new Map(tasks.filter(({ status }) => status !== 'UNKNOWN').map((task) => [task.containerId, task]));
  } catch (error) {
    deps.log.info('listing tasks failed, asking for each task', { error: errorMessage(error) });
    return undefined;
  }
}

async function optional<T>(deps: RecoverDeps, what: string, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    deps.log.warn('recovery goes on without a list', { what, error: errorMessage(error) });
    return undefined;
  }
}

interface Unlisted {
  /** What is found is added. */
  readonly records: Map<string, ContainerRecord>;
  /** Ids of which the list has a record that is about another: containerd has one, whatever else it says. */
  readonly contradicted: ReadonlySet<string>;
  readonly journal: ReadonlyMap<string, JournalEntry>;
  processes(): Promise<ProcessTable>;
}

/**
 * A list may leave something out. Whatever the journal and the directories of pods and containers know of and no list
 * has, containerd is asked for by its id; so an empty list alone makes nothing absent.
 */
async function askForUnlisted(
  deps: RecoverDeps,
  { records, contradicted, journal, processes }: Unlisted,
): Promise<Pick<Asked, 'absent' | 'unasked' | 'whole'>> {
  const listed = records.size;
  const absent = new Set<string>();
  const unasked = new Map<string, string>();
  /** No list has them, and a question for each of them alone had no answer either. */
  const unanswered = new Set<string>();
  const limit = new Limit(AT_ONCE);
  const ask = async (id: string): Promise<void> => {
    try {
      const record = await deps.containerd.containers.get(id, { timeoutMs: GET_TIMEOUT_MS });
      if (!record && !contradicted.has(id)) absent.add(id);
      else if (!record || !isAboutItself(record)) unasked.set(id, 'its record in containerd is about another');
      else if (record.labels[KIND_LABEL]) records.set(id, record);
    } catch (error) {
      unasked.set(id, errorMessage(error));
    }
    if (unasked.has(id)) unanswered.add(id);
  };
  const unlisted = (await knownIds(deps, journal)).filter((id) => !records.has(id));
  await Promise.all(unlisted.map((id) => limit.run(() => ask(id))));
  const table = absent.size + unasked.size > 0 ? await processes() : undefined;
  for (const id of [...absent, ...unasked.keys()]) {
    const runs = table !== undefined && table.of(id).pids.length > 0;
    const snapshot = runs ? undefined : await snapshotThere(deps, id, unasked);
    const there = runs ? 'processes run' : (snapshot ?? (unanswered.has(id) ? 'its files are there' : undefined));
    if (there === undefined) continue;
    const patienceMs =
      runs && listed === 0 ? Number.POSITIVE_INFINITY : runs || snapshot ? PATIENCE_MS : FILES_PATIENCE_MS;
    requireNoContradiction(deps, { id, there, why: unasked.get(id), patienceMs });
    if (absent.delete(id)) unasked.set(id, `containerd has no record of it, and ${there}`);
  }
  for (const id of unasked.keys()) absent.delete(id);
  const runningByFile = listed === 0 && (await anyRunsByItsFile(deps, absent));
  return { absent, unasked, whole: records.size === listed && unasked.size === 0 && !runningByFile };
}

/** What shows that a container must have a record; undefined when nothing does. A look that fails shows nothing either way. */
async function snapshotThere(deps: RecoverDeps, id: string, unasked: Map<string, string>): Promise<string | undefined> {
  try {
    return (await hasLiveRecord(deps, id)) ? 'a snapshot is there' : undefined;
  } catch (error) {
    if (!unasked.has(id)) unasked.set(id, errorMessage(error));
    return undefined;
  }
}

/** A record with the metadata of another is no record of what its id says. One that cannot be read may be. */
function isAboutItself({ id, extensions }: ContainerRecord): boolean {
  if (id === '') return false;
  const metadata = extensions[SANDBOX_EXTENSION] ?? extensions[CONTAINER_EXTENSION];
  return !metadata?.value.includes(ID_MEMBER) || metadata.value.includes(`${ID_MEMBER}"${id}"`);
}

/** Ids of pods and containers that crisp's own files know of. */
async function knownIds(deps: RecoverDeps, journal: ReadonlyMap<string, JournalEntry>): Promise<string[]> {
  const dirs = await Promise.all(deps.paths.recordDirectories().map((dir) => deps.host.entries(dir)));
  return [...new Set([...journal.keys(), ...dirs.flat().filter((name) => isId(name))])];
}

/** A container that ran when its status file was written: an answer that says that there is nothing contradicts that. */
async function anyRunsByItsFile(deps: RecoverDeps, ids: ReadonlySet<string>): Promise<boolean> {
  const statuses = await Promise.all([...ids].map((id) => deps.containers.readStatus(id).catch(() => undefined)));
  return statuses.some((status) => status !== undefined && containerState(status) === 'RUNNING');
}

/** What is there and has no record, or none that can be read, cannot be listed: kubelet would start it a second time. */
function requireNoContradiction(
  deps: RecoverDeps,
  { id, there, why, patienceMs }: { id: string; there: string; why: string | undefined; patienceMs: number },
): void {
  if (deps.retries.ageMs() > patienceMs) return;
  const said = why === undefined ? 'says that it has no record' : `cannot be asked for the record (${why})`;
  throw new NotAnswered(`containerd ${said} of "${id}", and ${there}`);
}

/** Without a list, the service has not answered as a whole until it answers at least about what is not there. */
async function requireTasksService(deps: RecoverDeps): Promise<void> {
  try {
    await deps.containerd.tasks.get({ containerId: PROBE }, { timeoutMs: probeTimeoutMs(deps) });
  } catch (error) {
    throw new NotAnswered(`containerd's tasks service does not answer: ${errorMessage(error)}`);
  }
}
