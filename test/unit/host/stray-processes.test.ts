import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { killMakers, killStrays } from '../../../src/host/stray-processes';
import { useFakeRoot } from './fake-root';

const ID = 'a'.repeat(64);
const root = useFakeRoot();

describe('killStrays', () => {
  it('kills what is in the cgroup of the task, and nothing else', async () => {
    root.add({
      '7/cgroup': `12:pids:/kubepods/pod1/${ID}\n0::/\n`,
      '8/cgroup': `0::/kubepods.slice/cri-containerd-${ID}.scope\n`,
      '9/cgroup': `0::/kubepods/pod1/${'b'.repeat(64)}\n`,
      'self/cgroup': `0::/${ID}\n`,
    });
    const killed: number[] = [];
    expect(await killStrays(ID, root.path, (pid) => void killed.push(pid))).toBe(2);
    expect(killed.sort()).toEqual([7, 8]);
  });

  it('looks again, for what was started meanwhile', async () => {
    root.add({ '7/cgroup': `0::/${ID}\n` });
    const killed: number[] = [];
    await killStrays(ID, root.path, (pid) => {
      killed.push(pid);
      if (pid === 7) root.add({ '70/cgroup': `0::/${ID}\n` });
    });
    expect(killed).toEqual([7, 70]);
  });

  it('does not mind one that ends by itself', async () => {
    root.add({ '7/cgroup': `0::/${ID}\n` });
    const gone = (): void => {
      throw Object.assign(new Error('kill ESRCH'), { code: 'ESRCH' });
    };
    expect(await killStrays(ID, root.path, gone)).toBe(1);
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
