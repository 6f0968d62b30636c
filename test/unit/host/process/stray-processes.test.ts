import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { killMakers, killStrays, processTable } from '../../../../src/host/process/stray-processes';
import { useFakeRoot } from '../fake-root';

const ID = 'a'.repeat(64);
const root = useFakeRoot();

/** A process' entry in /proc: in this cgroup, started at this time. */
function entry(pid: number, cgroup: string, { parent = 1, state = 'S', startTime = 5 } = {}): Record<string, string> {
  const between = Array.from({ length: 17 }, () => '0').join(' ');
  return {
    [`${pid}/cgroup`]: cgroup,
    [`${pid}/stat`]: `${pid} (a (b) c) ${state} ${parent} ${between} ${startTime} 0`,
  };
}

describe('killStrays', () => {
  it('kills what is in the cgroup of the task, and nothing else', async () => {
    root.add({
      ...entry(7, `12:pids:/kubepods/pod1/${ID}\n0::/\n`),
      ...entry(8, `0::/kubepods.slice/cri-containerd-${ID}.scope\n`),
      ...entry(9, `0::/kubepods/pod1/${'b'.repeat(64)}\n`),
      ...entry(10, `0::/kubepods/pod1/${ID}\n`, { state: 'Z' }), // a zombie has ended
      'self/cgroup': `0::/${ID}\n`,
    });
    const killed: number[] = [];
    expect(await killStrays(ID, root.path, (pid) => void killed.push(pid))).toHaveLength(2);
    expect(killed.sort()).toEqual([7, 8]);
  });

  it('looks again, for what was started meanwhile', async () => {
    root.add(entry(7, `0::/${ID}\n`));
    const killed: number[] = [];
    await killStrays(ID, root.path, (pid) => {
      killed.push(pid);
      if (pid === 7) root.add(entry(70, `0::/${ID}\n`));
    });
    expect(killed).toEqual([7, 70]);
  });

  it('does not mind one that ends by itself', async () => {
    root.add(entry(7, `0::/${ID}\n`));
    const gone = (): void => {
      throw Object.assign(new Error('kill ESRCH'), { code: 'ESRCH' });
    };
    expect(await killStrays(ID, root.path, gone)).toEqual([7]);
  });

  it('leaves another process that was given the pid meanwhile', async () => {
    root.add({ ...entry(7, `0::/${ID}\n`), ...entry(8, `0::/${ID}\n`) });
    const killed: number[] = [];
    await killStrays(ID, root.path, (pid) => {
      killed.push(pid);
      root.add(entry(pid === 7 ? 8 : 7, '0::/other', { startTime: 6 }));
    });
    expect(killed).toHaveLength(1);
  });
});

describe('A task in the process table', () => {
  const POD = 'c'.repeat(64);
  const shim = (id: string, name = 'containerd-shim-runc-v2', ...more: string[]): string =>
    [`/usr/bin/${name}`, '-namespace', 'k8s.io', '-id', id, '-address', '/c.sock', ...more, ''].join('\0');

  it.each([
    ['its own', shim(ID), true],
    ["its pod's", shim(POD), true],
    ["its pod's, under another name", shim(POD, 'shim-of-mine'), true],
    ["another pod's", shim('d'.repeat(64)), false],
    ['one that cleans up after it', shim(ID, 'containerd-shim-runc-v2', 'delete'), false],
  ])('has a shim that lives when there is %s', async (_whose, cmdline, lives) => {
    root.add({ ...entry(6, '0::/'), '6/cmdline': cmdline });
    expect((await processTable(root.path)).of(ID, [POD])).toEqual({ pids: [], shim: lives });
  });

  it('has the processes in its cgroup, and the shim that is their parent', async () => {
    root.add({ ...entry(6, '0::/'), '6/cmdline': shim('d'.repeat(64)), ...entry(7, `0::/${ID}`, { parent: 6 }) });
    expect((await processTable(root.path)).of(ID, [POD])).toEqual({ pids: [7], shim: true });
  });

  it.each([
    ['runc init', 'runc\0init\0', []],
    ['what crun creates it with', `/usr/bin/crun\0create\0--bundle\0/b\0${ID}\0`, []],
    ['a program that is called init', '/bin/busybox\0init\0', [7]],
  ])('runs when there is %s, or does not', async (_what, cmdline, pids) => {
    root.add({ ...entry(7, `0::/${ID}`), '7/cmdline': cmdline });
    expect((await processTable(root.path)).of(ID).pids).toEqual(pids);
  });

  it('has lost its shim when its processes were given to another parent', async () => {
    root.add({ ...entry(7, `0::/${ID}`), ...entry(8, `0::/${ID}`, { state: 'Z' }) });
    expect((await processTable(root.path)).of(ID, [POD])).toEqual({ pids: [7], shim: false });
  });
});

describe('killMakers', () => {
  const OTHER = 'b'.repeat(64);
  const SHIM = '/usr/bin/containerd-shim-runc-v2 -namespace k8s.io';
  const CREATE = 'runc --root /run/containerd/runc/k8s.io create --bundle /b --pid-file /p';

  function add(pid: number, cmdline: string, { parent = 1, cgroup = '/' } = {}): void {
    const text = cmdline === '' ? '' : `${cmdline.split(' ').join('\0')}\0`;
    root.add({
      [`${pid}/cmdline`]: text,
      [`${pid}/stat`]: `${pid} (a (b) c) S ${parent} 1 1 0`,
      [`${pid}/cgroup`]: `0::${cgroup}\n`,
    });
  }

  async function killed(runtime = 'runc'): Promise<number[]> {
    const pids: number[] = [];
    await killMakers(ID, runtime, root.path, (pid) => {
      pids.push(pid);
      rmSync(join(root.path, String(pid)), { recursive: true });
    });
    return pids.sort();
  }

  it("kills the shim's start, the shim, and the creation by the OCI runtime", async () => {
    add(5, `${SHIM} -id ${ID} -address /c.sock -publish-binary /usr/bin/containerd start`);
    add(6, `${SHIM} -id ${ID} -address /c.sock`);
    add(7, `${CREATE} ${ID}`, { parent: 6 });
    add(8, 'runc init', { parent: 6 });
    add(9, '/pause', { parent: 6, cgroup: `/kubepods/${ID}` });
    add(4, '', { parent: 6 }); // has ended and nobody has asked for its status
    expect(await killed()).toEqual([5, 6, 7]);
  });

  it('leaves what deletes the task, works at another one or only names it', async () => {
    add(5, `${SHIM} -id ${ID} -address /c.sock -bundle /b delete`);
    add(6, `runc --root /run/containerd/runc/k8s.io delete --force ${ID}`);
    add(7, `${SHIM} -id ${OTHER} -address /c.sock`);
    add(8, `${CREATE} ${OTHER}`);
    add(9, `crictl inspectp ${ID}`);
    expect(await killed()).toEqual([]);
  });

  it('leaves a shim in which a process of another task runs', async () => {
    add(6, `${SHIM} -id ${ID} -address /c.sock`);
    add(7, 'sleep 1000', { parent: 6, cgroup: `/kubepods/${OTHER}` });
    expect(await killed()).toEqual([]);
  });

  it('knows another OCI runtime by its program', async () => {
    add(7, `/usr/local/bin/crun --root /run/crun create --bundle /b ${ID}`);
    expect(await killed()).toEqual([]);
    expect(await killed('/opt/bin/crun')).toEqual([7]);
  });
});
