import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isNetns } from '../../../src/host/namespace/netns';
import { pinNamespaces, setInNamespaces, unpinNamespaces } from '../../../src/host/namespace/pod-namespaces';
import { MEANS, useTempDir } from './temp';

const dir = useTempDir();
const KINDS = ['net', 'ipc', 'uts'] as const;

const ours = (): string[] => KINDS.map((kind) => readlinkSync(`/proc/thread-self/ns/${kind}`));
const hostName = (): string => readFileSync('/proc/sys/kernel/hostname', 'utf8');

function pinsIn(): { at: string; pins: { network: string; ipc: string; uts: string } } {
  const at = join(dir.path, 'pins');
  mkdirSync(at);
  return { at, pins: { network: join(dir.path, 'net'), ipc: join(at, 'ipc'), uts: join(at, 'uts') } };
}

function inside(pins: { network: string; ipc: string; uts: string }, ...argv: string[]): string {
  const enter = [`--net=${pins.network}`, `--ipc=${pins.ipc}`, `--uts=${pins.uts}`];
  return execFileSync('nsenter', [...enter, '--', ...argv], { encoding: 'utf8' });
}

const sysctl = (name: string, value: string) => ({ name, path: name.replaceAll('.', '/'), value });

describe.each(MEANS)('with %s', (_, means) => {
  it('pins all of a pod, apart from ours, and sets what is asked for in there only', async () => {
    const { at, pins } = pinsIn();
    const before = { ours: ours(), name: hostName(), shmmni: readFileSync('/proc/sys/kernel/shmmni', 'utf8') };
    await pinNamespaces(pins, means);
    const settings = {
      hostname: 'web-0',
      sysctls: [sysctl('kernel.shmmni', '1234'), sysctl('net.ipv4.ip_unprivileged_port_start', '81')],
    };
    await setInNamespaces(pins, settings, means);
    expect({ ours: ours(), name: hostName(), shmmni: readFileSync('/proc/sys/kernel/shmmni', 'utf8') }).toEqual(before);
    for (const [at, path] of Object.values(pins).entries()) {
      expect(await isNetns(path)).toBe(true);
      expect(statSync(path).ino).not.toBe(statSync(`/proc/self/ns/${KINDS[at]}`).ino);
    }
    expect(inside(pins, 'ip', '-o', 'link', 'show', 'lo')).toMatch(/<LOOPBACK,UP/);
    const values = ['kernel/hostname', 'kernel/shmmni', 'net/ipv4/ip_unprivileged_port_start'];
    expect(inside(pins, 'cat', ...values.map((name) => `/proc/sys/${name}`))).toBe('web-0\n1234\n81\n');
    await unpinNamespaces(at, pins, means);
    expect([at, ...Object.values(pins)].filter((path) => existsSync(path))).toEqual([]);
    await unpinNamespaces(at, pins, means);
  });

  it('says which sysctl the kernel refused, and comes home', async () => {
    const { at, pins } = pinsIn();
    const before = ours();
    await pinNamespaces(pins, means);
    const set = (path: string, value: string) =>
      setInNamespaces(pins, { hostname: '', sysctls: [{ name: 'net.x', path, value }] }, means);
    await expect(set('net/ipv4/nothing', '1')).rejects.toThrow(/sysctl "net.x" cannot be set to "1": ENOENT/);
    await expect(set('net/ipv4/ip_unprivileged_port_start', 'x')).rejects.toThrow(/EINVAL/);
    expect(ours()).toEqual(before);
    await unpinNamespaces(at, pins, means);
  });

  it('leaves nothing when a place is taken', async () => {
    const { at, pins } = pinsIn();
    writeFileSync(pins.uts, 'mine');
    await expect(pinNamespaces(pins, means)).rejects.toMatchObject({ code: 'EEXIST' });
    expect([pins.network, pins.ipc].filter((path) => existsSync(path))).toEqual([]);
    expect(readFileSync(join(at, 'uts'), 'utf8')).toBe('mine');
  });
});

it('refuses a host name that the kernel would cut', async () => {
  const set = setInNamespaces({ uts: '/nowhere' }, { hostname: 'a'.repeat(65), sysctls: [] });
  await expect(set).rejects.toThrow('is not one word of at most 64 bytes');
});
