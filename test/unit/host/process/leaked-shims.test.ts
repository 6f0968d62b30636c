import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { killShim, leakedShims } from '../../../../src/host/process/leaked-shims';
import { useFakeRoot } from '../fake-root';

const ID = 'a'.repeat(64);
const TASKS = '/run/containerd/io.containerd.runtime.v2.task';
const root = useFakeRoot();

interface Facts {
  readonly parent?: number;
  readonly startTime?: number;
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly pidNamespace?: string;
}

const SHIM = ['/usr/bin/containerd-shim-runc-v2', '-namespace', 'k8s.io', '-id', ID, '-address', '/c.sock'];

/** A process in /proc, unless told otherwise a shim that was let go of. */
function process(pid: number, { parent = 1, startTime = 5, args = SHIM, ...links }: Facts = {}): void {
  const { cwd = `${TASKS}/k8s.io/${ID} (deleted)`, pidNamespace = 'pid:[1]' } = links;
  const between = Array.from({ length: 17 }, () => '0').join(' ');
  root.add({
    [`${pid}/cmdline`]: args.map((arg) => `${arg}\0`).join(''),
    [`${pid}/cgroup`]: '0::/\n',
    [`${pid}/stat`]: `${pid} (shim) S ${parent} ${between} ${startTime} 0`,
  });
  mkdirSync(join(root.path, String(pid), 'ns'), { recursive: true });
  symlinkSync(cwd, join(root.path, String(pid), 'cwd'));
  symlinkSync(pidNamespace, join(root.path, String(pid), 'ns/pid'));
}

beforeEach(() => {
  mkdirSync(join(root.path, 'self/ns'), { recursive: true });
  symlinkSync('pid:[1]', join(root.path, 'self/ns/pid'));
});

const pids = async (): Promise<number[]> => (await leakedShims('k8s.io', root.path)).map(({ pid }) => pid);

describe('A shim was let go of', () => {
  it('when its bundle is deleted and it has no child, also while the bundle is being deleted', async () => {
    process(7);
    process(8, { cwd: `${TASKS}/k8s.io/.${ID} (deleted)` });
    expect(await pids()).toEqual([7, 8]);
  });

  const others: [string, Facts][] = [
    ['has its bundle', { cwd: `${TASKS}/k8s.io/${ID}` }],
    ['is of another namespace', { cwd: `${TASKS}/moby/${ID} (deleted)` }],
    ['is in another PID namespace', { pidNamespace: 'pid:[2]' }],
    ['is for another id than its bundle', { cwd: `${TASKS}/k8s.io/${'b'.repeat(64)} (deleted)` }],
    ['is no shim', { args: ['sleep', ID] }],
    ['deletes for a shim', { args: [...SHIM, 'delete'] }],
  ];

  it.each(others)('not when it %s', async (_what, facts) => {
    process(7, facts);
    expect(await pids()).toEqual([]);
  });

  it('not while it has a child', async () => {
    process(7);
    process(9, { parent: 7, args: ['sleep'] });
    expect(await pids()).toEqual([]);
  });
});

it('A shim is killed unless its pid is that of another process by now', async () => {
  process(7);
  const [shim] = await leakedShims('k8s.io', root.path);
  if (!shim) throw new Error('none was found');
  const killed: number[] = [];
  const kill = (pid: number): void => void killed.push(pid);
  await killShim({ ...shim, startTime: 4n }, root.path, kill);
  expect(killed).toEqual([]);
  await killShim(shim, root.path, kill);
  expect(killed).toEqual([7]);
});
