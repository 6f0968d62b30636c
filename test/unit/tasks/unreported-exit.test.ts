import { silentLogger } from '../../../src/base/logger';
import { ContainerdError } from '../../../src/containerd/errors';
import type { Process, TaskStatus } from '../../../src/containerd/tasks';
import type { ProcessId, ShimTree } from '../../../src/host/process/silent-shim';
import { Code } from '../../../src/rpc/code';
import type { Exit } from '../../../src/state/exits';
import { UNREPORTED_MS, unreportedExit } from '../../../src/tasks/unreported-exit';

const SECOND = 1000;
/** Long enough for whatever is done at all. */
const LONG_MS = 120 * SECOND;
const SHIM: ProcessId = { pid: 10, startTime: 1n };
const CALL: ProcessId = { pid: 20, startTime: 2n };

/** A task that was sent SIGKILL, as /proc and its shim show it. */
interface Shown {
  pids: number[];
  tree: ShimTree | undefined;
  says: TaskStatus | 'NOT_FOUND' | Error;
}

const calls = (...of: ProcessId[]): ShimTree => ({ shim: SHIM, calls: of, others: [] });
const hung = (): Error =>
  new ContainerdError(Code.DEADLINE_EXCEEDED, 'the deadline of the call has passed', 'Tasks/Get');
const away = (): Error => new ContainerdError(Code.UNAVAILABLE, 'connection refused', 'Tasks/Get');

let shown: Shown;
let killed: (number | string)[];

/** The end that is found within so many milliseconds, in the clock of the test. */
async function found(ms: number, of: { podEnds?: boolean; hostProcesses?: boolean } = {}): Promise<Exit | undefined> {
  const giveUp = new AbortController();
  const task = { id: 'task', shimIds: [], hostProcesses: true, podEnds: false, shim: { ids: [] }, ...of };
  let exit: Exit | undefined;
  const end = unreportedExit(deps, task, giveUp.signal).then((value) => {
    exit = value;
  });
  end.catch(() => undefined);
  await jest.advanceTimersByTimeAsync(ms);
  giveUp.abort(new Error('given up'));
  if (!exit) await expect(end).rejects.toThrow('given up');
  return exit;
}

const deps: Parameters<typeof unreportedExit>[0] = {
  log: silentLogger,
  host: {
    processTable: async () => ({ of: () => ({ pids: shown.pids, shim: true }) }),
    shimTree: async () => shown.tree,
    killProcesses: async (processes) => {
      const pids = processes.map(({ pid }) => pid);
      killed.push(...pids);
      return pids;
    },
    killStrays: async (id) => {
      killed.push(id);
      const { pids } = shown;
      shown.pids = [];
      return pids;
    },
  },
  containerd: {
    tasks: {
      get: async () => {
        const { says } = shown;
        if (says instanceof Error) throw says;
        return says === 'NOT_FOUND' ? undefined : ({ status: says } as Process);
      },
    },
  },
};

beforeEach(() => {
  jest.useFakeTimers();
  killed = [];
  shown = { pids: [], tree: calls(), says: 'RUNNING' };
});
afterEach(() => jest.useRealTimers());

const UNREPORTED = { exitStatus: 137, unreported: true };

describe('The end of a killed task that its shim does not tell', () => {
  it('is found once no process of it has been there for a while, though its shim says that it runs', async () => {
    expect(await found(UNREPORTED_MS)).toBeUndefined();
    expect(await found(2 * UNREPORTED_MS)).toMatchObject(UNREPORTED);
    expect(killed).toEqual([]);
  });

  it('is timed when the processes were first seen to be gone', async () => {
    const before = Date.now();
    const { exitedAt = 0n } = (await found(LONG_MS)) ?? {};
    expect(Number(exitedAt / 1_000_000n) - before).toBeLessThan(5 * SECOND);
  });

  it.each<[string, Partial<Shown>]>([
    ['its processes run', { pids: [7] }],
    ['its shim has gone, which containerd tells', { tree: undefined }],
    ['containerd has no task', { says: 'NOT_FOUND' }],
    ['its shim says that it has stopped, and so is about to tell it', { says: 'STOPPED' }],
    ['its shim answers nothing, and others of its pod are to live', { says: hung() }],
    ['containerd answers for that shim', { says: 'UNKNOWN' }],
    ['containerd is away', { says: away() }],
  ])('is not found as long as %s', async (_, change) => {
    Object.assign(shown, change);
    expect(await found(LONG_MS)).toBeUndefined();
    expect(killed).toEqual([]);
  });

  it('is not looked for where processes are in a virtual machine', async () => {
    expect(await found(LONG_MS, { hostProcesses: false, podEnds: true })).toBeUndefined();
  });

  it('does not count time in which a process of it was there', async () => {
    const end = found(LONG_MS);
    await jest.advanceTimersByTimeAsync(0);
    shown.pids = [7];
    expect(await end).toBeUndefined();
  });

  it('is waited for anew when a call of the OCI runtime held up its shim: that is killed, once', async () => {
    Object.assign(shown, { tree: calls(CALL), says: 'UNKNOWN' });
    expect(await found(LONG_MS)).toBeUndefined();
    expect(killed).toEqual([CALL.pid]);
  });

  it('leaves calls of the OCI runtime that have begun meanwhile', async () => {
    let startTime = 1n;
    Object.defineProperty(shown, 'tree', { get: () => calls({ pid: 20, startTime: startTime++ }) });
    shown.says = 'STOPPED';
    expect(await found(LONG_MS)).toBeUndefined();
    expect(killed).toEqual([]);
  });
});

describe('In a pod that is stopped, such an end', () => {
  it.each<[string, Shown['says']]>([
    ['does not answer', hung()],
    ['is answered for by containerd', 'UNKNOWN'],
  ])('is found also when its shim %s', async (_, says) => {
    shown.says = says;
    expect(await found(LONG_MS, { podEnds: true })).toMatchObject(UNREPORTED);
  });

  it('is brought about where the shim has passed on no SIGKILL', async () => {
    Object.assign(shown, { pids: [7], says: 'UNKNOWN' });
    expect(await found(LONG_MS, { podEnds: true })).toMatchObject(UNREPORTED);
    expect(killed).toEqual(['task']);
  });

  it.each<[string, Shown['says']]>([
    ['its shim answers: it is killing them', 'RUNNING'],
    ['containerd is away', away()],
  ])('is not brought about while %s', async (_, says) => {
    Object.assign(shown, { pids: [7], says });
    expect(await found(LONG_MS, { podEnds: true })).toBeUndefined();
    expect(killed).toEqual([]);
  });
});
