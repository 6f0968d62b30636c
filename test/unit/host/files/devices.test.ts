import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { deviceNow, devicesAt, hostDevices, splitDeviceNumber } from '../../../../src/host/files/devices';
import { useFakeRoot } from '../fake-root';

const root = useFakeRoot();

it.each([
  [0x103n, { major: 1, minor: 3 }],
  [0x8800n, { major: 136, minor: 0 }],
  // Above eight bits a minor number goes on behind the major one, above twelve a major one behind the minor.
  [0x1000_0301n, { major: 3, minor: 0x10001 }],
  [0x123400054356789n, { major: 0x1234567, minor: 0x54389 }],
  [0x10303n, { major: 259, minor: 3 }],
])('splitDeviceNumber(%s)', (rdev, expected) => {
  expect(splitDeviceNumber(rdev)).toEqual(expected);
});

it('deviceNow describes a node, links followed', () => {
  symlinkSync('/dev/null', join(root.path, 'link'));
  const path = join(root.path, 'link');
  expect(deviceNow(path)).toEqual({ path, type: 'c', major: 1, minor: 3, mode: 0o666, uid: 0, gid: 0 });
  expect(() => deviceNow('/etc/hosts')).toThrow('"/etc/hosts" is not a device');
  expect(() => deviceNow(join(root.path, 'none'))).toThrow('ENOENT');
});

it('devicesAt gives one node, or all below a directory without its links', async () => {
  expect(await devicesAt('/dev/zero')).toEqual([expect.objectContaining({ path: '/dev/zero', minor: 5 })]);
  symlinkSync('/dev/null', join(root.path, 'link'));
  root.add({ 'deep/file': '' });
  expect(await devicesAt(root.path)).toEqual([]);
});

it('hostDevices leaves out terminals, shared memory and the console', async () => {
  const paths = (await hostDevices()).map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(['/dev/null', '/dev/zero', '/dev/full']));
  expect(paths.filter((path) => /^\/dev\/(pts|shm|fd|mqueue|console)/.test(path))).toEqual([]);
});
