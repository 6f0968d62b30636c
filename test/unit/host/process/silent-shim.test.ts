import { killProcesses, type ShimTree, shimTree } from '../../../../src/host/process/silent-shim';
import { useFakeRoot } from '../fake-root';

const ID = 'a'.repeat(64);
const POD = 'b'.repeat(64);
const SHIM = ['/usr/bin/containerd-shim-runc-v2', '-namespace', 'k8s.io', '-id', POD, '-address', '/c.sock'];
const OF_SHIMS = '0::/system.slice\n';
const root = useFakeRoot();

interface Shown {
  readonly parent?: number;
  readonly args?: readonly string[];
  readonly cgroup?: string;
  readonly startTime?: number;
  readonly state?: string;
  readonly flags?: number;
}

/** A process as /proc shows it. */
function add(
  pid: number,
  { parent = 1, args = ['program'], cgroup = OF_SHIMS, startTime = 5, state = 'S', flags = 0 }: Shown,
): void {
  const between = Array.from({ length: 12 }, () => '0').join(' ');
  root.add({
    [`${pid}/cgroup`]: cgroup,
    [`${pid}/cmdline`]: args.map((arg) => `${arg}\0`).join(''),
    [`${pid}/stat`]: `${pid} (a (b) c) ${state} ${parent} 0 0 0 0 ${flags} ${between} ${startTime} 0`,
  });
}

const look = (ids = [POD], pid?: number): Promise<ShimTree | undefined> => shimTree(ID, { ids, pid }, root.path);
const pidsOf = (tree: ShimTree | undefined) => ({
  shim: tree?.shim.pid,
  calls: tree?.calls.map(({ pid }) => pid),
  others: tree?.others,
});

describe('The tree of a shim', () => {
  it("tells calls of the OCI runtime about the task, with what they have started, from containers' processes", async () => {
    add(10, { args: SHIM });
    add(20, { parent: 10, args: ['runc', '--root', '/r', 'exec', '--process', '/p', ID] });
    add(21, { parent: 20, args: ['runc', 'init'], cgroup: `0::/kubepods/${ID}\n` });
    add(22, { parent: 21, args: ['runc:[2:INIT]'], cgroup: `0::/kubepods/${ID}\n` });
    add(30, { parent: 10, args: ['runc', 'exec', 'c'.repeat(64)] });
    add(40, { parent: 10, args: ['echo', ID], cgroup: '0::/kubepods/other\n' });
    add(41, { parent: 40 });
    expect(pidsOf(await look())).toEqual({ shim: 10, calls: [20, 21, 22], others: [30, 40] });
  });

  it('has nothing of what has ended, or is ending', async () => {
    add(10, { args: SHIM });
    add(20, { parent: 10, state: 'Z' });
    add(21, { parent: 10, flags: 0x400104 }); // waits for its shim to take note of the dead in its PID namespace
    add(22, { parent: 10, flags: 0x400100 });
    expect(pidsOf(await look())).toEqual({ shim: 10, calls: [], others: [22] });
  });

  it('is found by the id of the task, of its pod, of the pod whose shim it shares, or by its pid', async () => {
    add(10, { args: SHIM });
    add(11, { args: SHIM.map((arg) => (arg === POD ? 'd'.repeat(64) : arg)) });
    expect((await look(['d'.repeat(64), POD]))?.shim.pid).toBe(10);
    expect((await look(['e'.repeat(64)], 11))?.shim.pid).toBe(11);
    expect(await look(['e'.repeat(64)])).toBeUndefined();
  });

  it('is of a shim: not of another process that has been given its pid, nor of one that cleans up', async () => {
    add(10, { args: [...SHIM, 'delete'] });
    add(11, { args: ['program'] });
    expect(await look([POD], 11)).toBeUndefined();
  });
});

describe('killProcesses', () => {
  it('kills what still is the process it was, and does not mind one that ends by itself', async () => {
    for (const pid of [10, 11, 12]) add(pid, {});
    add(11, { startTime: 6 });
    const killed: number[] = [];
    const kill = (pid: number): void => {
      killed.push(pid);
      if (pid === 12) throw Object.assign(new Error('kill ESRCH'), { code: 'ESRCH' });
    };
    const processes = [10, 11, 12, 13].map((pid) => ({ pid, startTime: 5n }));
    expect(await killProcesses(processes, root.path, kill)).toEqual([10]);
    expect(killed).toEqual([10, 12]);
  });
});
