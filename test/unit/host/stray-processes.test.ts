import { killStrays } from '../../../src/host/stray-processes';
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
