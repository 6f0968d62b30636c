import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseNetDev, readNetDevInNetns, readNetDevOfPid } from '../../../src/host/namespace/net-dev';
import { bringLoopbackUp, createNetns, isNetns, netnsPath, removeNetns } from '../../../src/host/namespace/netns';
import { createUserNetns } from '../../../src/host/namespace/user-netns';
import { hostMeans } from '../../../src/host/syscall/syscalls';
import { MEANS, useTempDir } from './temp';

const inside = (path: string, ...argv: string[]): string =>
  execFileSync('nsenter', [`--net=${path}`, '--', ...argv], { encoding: 'utf8' });

const dir = useTempDir();

it('has system calls at hand here', () => {
  expect(hostMeans().syscalls).toBeDefined();
  expect(hostMeans()).toBe(hostMeans());
});

describe.each(MEANS)('with %s', (_, means) => {
  it('createNetns pins a namespace of its own with the loopback up, and stays in ours', async () => {
    const before = readlinkSync('/proc/thread-self/ns/net');
    const path = netnsPath(join(dir.path, 'netns'), 'ab'.repeat(32));
    await createNetns(path, means);
    expect(readlinkSync('/proc/thread-self/ns/net')).toBe(before);
    expect(await isNetns(path)).toBe(true);
    expect(statSync(path).ino).not.toBe(statSync('/proc/self/ns/net').ino);
    expect(inside(path, 'ip', '-o', 'link', 'show', 'lo')).toMatch(/<LOOPBACK,UP/);
    expect(await removeNetns(path, means)).toBe(true);
    expect(await isNetns(path)).toBe(false);
    expect(await removeNetns(path, means)).toBe(false);
  });

  it('createNetns refuses a path that is taken and leaves it alone', async () => {
    const path = join(dir.path, 'taken');
    writeFileSync(path, 'mine');
    await expect(createNetns(path, means)).rejects.toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });

  it('removeNetns also removes an empty file that a reboot left', async () => {
    const path = join(dir.path, 'left');
    writeFileSync(path, '');
    expect(await isNetns(path)).toBe(false);
    expect(await removeNetns(path, means)).toBe(true);
    expect(existsSync(path)).toBe(false);
  });

  it('bringLoopbackUp can be repeated, and says when there is no namespace', async () => {
    const path = join(dir.path, 'ns');
    await createNetns(path, means);
    inside(path, 'ip', 'link', 'set', 'lo', 'down');
    await bringLoopbackUp(path, means);
    await bringLoopbackUp(path, means);
    expect(inside(path, 'ip', '-o', 'link', 'show', 'lo')).toMatch(/UP/);
    await removeNetns(path, means);
    await expect(bringLoopbackUp(path, means)).rejects.toThrow(/ENOENT|No such file/);
  });

  it('createUserNetns pins a namespace owned by a mapped user namespace', async () => {
    const netns = {
      path: join(dir.path, 'net'),
      userPath: join(dir.path, 'user'),
      uids: [{ containerID: 0, hostID: 100_000, size: 65_536 }],
      gids: [{ containerID: 0, hostID: 200_000, size: 65_536 }],
    };
    await createUserNetns(netns, means);
    expect(inside(netns.path, 'ip', '-o', 'link', 'show', 'lo')).toMatch(/UP/);
    const joined = ['--setuid=0', '--setgid=0', `--user=${netns.userPath}`, `--net=${netns.path}`, '--'];
    const maps = execFileSync('nsenter', [...joined, 'cat', '/proc/self/uid_map', '/proc/self/gid_map'], {
      encoding: 'utf8',
    });
    expect(maps.trim().split(/\s+/)).toEqual(['0', '100000', '65536', '0', '200000', '65536']);
    // Its root may configure it: the user namespace owns it.
    execFileSync('nsenter', [...joined, 'ip', 'link', 'set', 'lo', 'down']);
    await removeNetns(netns.path, means);
    await removeNetns(netns.userPath, means);
  });

  it('createUserNetns leaves nothing behind when the mapping is refused', async () => {
    const netns = {
      path: join(dir.path, 'net'),
      userPath: join(dir.path, 'user'),
      uids: [{ containerID: 0, hostID: 0, size: 0 }],
      gids: [],
    };
    await expect(createUserNetns(netns, means)).rejects.toThrow(/EINVAL/);
    expect(existsSync(netns.path)).toBe(false);
    expect(existsSync(netns.userPath)).toBe(false);
  });

  it('readNetDevInNetns counts what passed in there', async () => {
    const path = join(dir.path, 'ns');
    await createNetns(path, means);
    expect(await readNetDevInNetns(path, means)).toEqual([
      expect.objectContaining({ name: 'lo', rxBytes: 0n, txBytes: 0n }),
    ]);
    await removeNetns(path, means);
  });
});

it('readNetDevOfPid reads the interfaces of a process', async () => {
  expect(await readNetDevOfPid(process.pid)).toEqual(
    parseNetDev(readFileSync('/proc/self/net/dev', 'utf8')).map(({ name }) => expect.objectContaining({ name })),
  );
});

it('comes home again however often it leaves', async () => {
  const { syscalls } = hostMeans();
  const before = readlinkSync('/proc/thread-self/ns/net');
  for (let index = 0; index < 50; index++) {
    const path = join(dir.path, `ns${index}`);
    await createNetns(path, { syscalls });
    await removeNetns(path, { syscalls });
  }
  expect(readlinkSync('/proc/thread-self/ns/net')).toBe(before);
});
