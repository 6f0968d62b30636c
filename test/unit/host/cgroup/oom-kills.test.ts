import { readdirSync, readFileSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CgroupLayout } from '../../../../src/host/cgroup/cgroup-layout';
import { oomKilledCgroupsNow } from '../../../../src/host/cgroup/kernel-log';
import { oomCounter, oomKills, watchOomCounter } from '../../../../src/host/cgroup/oom-kills';
import { SPAWNED_TOOLS } from '../../../../src/host/syscall/syscalls';
import { settle } from '../../../support/streaming/until';
import { useFakeRoot } from '../fake-root';

const root = useFakeRoot();
const V2: CgroupLayout = { version: 2, mount: '/sys/fs/cgroup' };
const V1: CgroupLayout = { version: 1, mounts: new Map([['memory', '/sys/fs/cgroup/memory']]) };
const SCOPE = 'kubepods-pod1.slice:cri-containerd:abc';
const SCOPE_DIR = 'sys/fs/cgroup/kubepods.slice/kubepods-pod1.slice/cri-containerd-abc.scope';
const events = (max: number, kills: number): string =>
  `low 0\nhigh 0\nmax ${max}\noom ${kills}\noom_kill ${kills}\noom_group_kill 0\n`;

/** How many descriptors of inotify this process has, and how many files it watches by them. */
function inotify(): { descriptors: number; watched: number } {
  const links = readdirSync('/proc/self/fd').map((fd): [string, string] => {
    try {
      return [fd, readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [fd, '']; // that of the directory itself
    }
  });
  const own = links.flatMap(([fd, link]) => (link.includes('inotify') ? [fd] : []));
  const infos = own.map((fd) => readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
  const watched = infos.flatMap((info) => info.split('\n').filter((line) => line.startsWith('inotify ')));
  return { descriptors: own.length, watched: watched.length };
}

describe('oomKills', () => {
  const ask = (cgroup: string, layout: CgroupLayout) => oomKills(cgroup, layout, root.path, SPAWNED_TOOLS);

  it('reads the counter of v2', async () => {
    root.add({ [`${SCOPE_DIR}/memory.events`]: events(7, 2) });
    expect(await ask(SCOPE, V2)).toBe(2n);
  });

  it('reads the counter of v1', async () => {
    const text = 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n';
    root.add({ 'sys/fs/cgroup/memory/kubepods/pod1/abc/memory.oom_control': text });
    expect(await ask('/kubepods/pod1/abc', V1)).toBe(3n);
  });

  it('knows nothing of a cgroup that is gone, nor without a memory controller, nor of a kernel that does not count', async () => {
    expect(await ask(SCOPE, V2)).toBeUndefined();
    expect(await ask('/a', { version: 1, mounts: new Map() })).toBeUndefined();
    root.add({ 'sys/fs/cgroup/memory/a/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\n' });
    expect(await ask('/a', V1)).toBeUndefined();
  });
});

describe('watchOomCounter', () => {
  let file: string;
  beforeEach(() => {
    root.add({ [`${SCOPE_DIR}/memory.events`]: events(0, 0) });
    file = oomCounter(SCOPE, V2, root.path) ?? '';
  });

  /** The cgroup goes; nothing is told of its files. */
  const goes = (): void => renameSync(dirname(file), join(root.path, 'gone'));

  it('knows of a kill though the cgroup has gone meanwhile', async () => {
    const watch = watchOomCounter(file);
    expect(watch?.look()).toBe(false);
    writeFileSync(file, events(1, 1));
    await settle();
    goes();
    expect(watch?.look()).toBe(true);
    watch?.close();
  });

  it('knows of a kill that came before', () => {
    writeFileSync(file, events(1, 1));
    const watch = watchOomCounter(file);
    goes();
    expect(watch?.look()).toBe(true);
    watch?.close();
  });

  it('knows of none in a cgroup that went without a change, nor long after one', async () => {
    const watch = watchOomCounter(file);
    writeFileSync(file, events(1, 0));
    await settle(100); // looks come for as long as a second change may be untold
    goes();
    expect(watch?.look()).toBe(false);
    watch?.close();
  });

  it('does not know when the cgroup went right after a change: the kernel may have killed in between', async () => {
    const watch = watchOomCounter(file);
    writeFileSync(file, events(1, 0));
    goes();
    await settle();
    expect(watch?.look()).toBeUndefined();
    watch?.close();
  });

  it('reads what has changed without being told', () => {
    const watch = watchOomCounter(file);
    writeFileSync(file, events(1, 1));
    expect(watch?.look()).toBe(true);
    watch?.close();
  });

  it('cannot watch what is not there, and does not watch what counts no kills', () => {
    expect(() => watchOomCounter(`${file}.not`)).toThrow('ENOENT');
    writeFileSync(file, 'low 0\n');
    expect(watchOomCounter(file)).toBeUndefined();
  });

  it('shares one descriptor with all others, and leaves no watch behind', () => {
    const watches = Array.from({ length: 100 }, () => watchOomCounter(file));
    const before = inotify();
    const more = watchOomCounter(file);
    expect(inotify().descriptors).toBe(before.descriptors);
    for (const watch of [more, ...watches]) watch?.close();
    expect(inotify().watched).toBe(before.watched - 1); // the kernel counts those of one file as one
    writeFileSync(file, events(1, 1));
    watchOomCounter(file); // what was killed already is not watched
    expect(inotify().watched).toBe(before.watched - 1);
  });
});

describe('oomKilledCgroupsNow', () => {
  it('finds the cgroup of each process that was killed, once', () => {
    const line = (cgroup: string, pid: number): string =>
      `6,${pid},1,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,mems_allowed=0,oom_memcg=/pods,` +
      `task_memcg=${cgroup},task=python,pid=${pid},uid=0\n`;
    const other = '6,9,1,-;port 1(veth) entered disabled state\n SUBSYSTEM=net\n';
    root.add({ log: [line('/pods/a', 1), other, line('/pods/b.scope', 2), line('/pods/a', 3)].join('') });
    expect(oomKilledCgroupsNow(join(root.path, 'log'))).toEqual(['/pods/a', '/pods/b.scope']);
  });

  it('finds it also in a line that another record has torn', () => {
    const torn = ['6,1,1,c;oom-kill:constraint=CONSTRAINT_MEMCG,task_memcg=\n', '4,2,1,-;eth0: up\n'];
    root.add({ log: [...torn, '6,3,1,c,caller=T7;/pods/a,task=python,pid=1,uid=0\n'].join('') });
    expect(oomKilledCgroupsNow(join(root.path, 'log'))).toEqual(['/pods/a']);
  });

  it('throws when the log may not be read', () => {
    expect(() => oomKilledCgroupsNow(join(root.path, 'none'))).toThrow('ENOENT');
  });
});
