import { execFileSync } from 'node:child_process';
import { mkdirSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { devicesAtNow, devicesBelowNow, type HostDeviceNode } from '../../../src/host/files/device-nodes';
import { readHostFacts } from '../../../src/host/host-facts';
import type { HostDevice, HostPath } from '../../../src/host/machine';
import { mountInfo } from '../../../src/host/mount/mount-info';
import type { HostFacts } from '../../../src/model/host-facts';
import { mountsBelow } from '../daemon/leftovers';
import { HOST_DIR } from './cases';

/** What a machine says to whoever makes specs there, as a file keeps it. */
export interface RecordedHost {
  readonly facts: Omit<HostFacts, 'controllers'> & { readonly controllers: readonly string[] };
  readonly paths: Readonly<Record<string, HostPath>>;
  readonly devices: Readonly<Record<string, readonly HostDevice[]>>;
  readonly allDevices: readonly HostDevice[];
  readonly cgroupMountOptions: readonly string[];
  /** What the OCI runtime says that it can do. */
  readonly features: unknown;
}

const SHARED = join(HOST_DIR, 'shared');
const DEVICES = join(HOST_DIR, 'devices');

/** Makes what the cases name on this machine. */
export function prepareHost(): void {
  for (const name of ['dir', 'shared', 'devices']) mkdirSync(join(HOST_DIR, name), { recursive: true });
  writeFileSync(join(HOST_DIR, 'file'), 'file\n');
  symlinkSync('dir', join(HOST_DIR, 'link'));
  execFileSync('mknod', ['-m', '0600', join(DEVICES, 'one'), 'c', '1', '3']);
  execFileSync('mknod', ['-m', '0640', join(DEVICES, 'two'), 'c', '1', '5']);
  execFileSync('mount', ['-t', 'tmpfs', 'crisp-specs', SHARED]);
  execFileSync('mount', ['--make-shared', SHARED]);
}

/** Takes it away. */
export function clearHost(): void {
  for (const point of mountsBelow(HOST_DIR)) execFileSync('umount', [point]);
  rmSync(HOST_DIR, { recursive: true, force: true });
}

/** Reads what crisp would ask this machine about the cases, for containers of the daemon with this pid. */
export async function readHost(daemonPid: number, runc: string): Promise<RecordedHost> {
  const facts = await readHostFacts({ daemonPid });
  const files = ['dir', 'file', 'link', 'shared', 'devices'].map((name) => join(HOST_DIR, name));
  const devices = ['/dev/null', '/dev/zero', DEVICES];
  const cgroup2 = (await mountInfo()).find(({ type }) => type === 'cgroup2');
  return {
    facts: { ...facts, controllers: [...facts.controllers].sort(), hostname: 'NODE' },
    paths: Object.fromEntries(
      [...files, ...devices, '/dev', '/sys', '/sys/fs/cgroup'].map((path) => [path, hostPath(path)]),
    ),
    devices: Object.fromEntries(devices.map((path) => [path, devicesAtNow(path).map(hostDevice)])),
    allDevices: devicesBelowNow('/dev').map(hostDevice),
    cgroupMountOptions: cgroup2 ? [...cgroup2.superOptions] : [],
    features: JSON.parse(execFileSync(runc, ['features'], { encoding: 'utf8' })) as unknown,
  };
}

function hostPath(path: string): HostPath {
  const found = statSync(path);
  const kind = found.isDirectory() ? 'directory' : found.isCharacterDevice() ? 'character' : 'file';
  return { path: realpathSync(path), kind };
}

function hostDevice({ mode, ...rest }: HostDeviceNode): HostDevice {
  return { ...rest, fileMode: mode };
}
