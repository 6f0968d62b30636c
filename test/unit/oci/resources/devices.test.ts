import type { DeepPartial, LinuxContainerSecurityContext } from '../../../../generated/cri/v1/api';
import type { HostDevice } from '../../../../src/oci/inputs';
import { containerDevices, MAX_DEVICE_NODES, wantsHostDevices } from '../../../../src/oci/resources/devices';
import { container, handler, type PartialContainer, settings, thrownBy } from '../fixtures';

const node = (path: string, minor = 1): HostDevice => ({
  path,
  type: 'c',
  major: 10,
  minor,
  fileMode: 0o660,
  uid: 0,
  gid: 5,
});
const base = { rules: [{ allow: false, access: 'rwm' }] };

interface Options {
  nodes?: HostDevice[];
  hostPath?: string;
  containerPath?: string;
  permissions?: string;
  context?: DeepPartial<LinuxContainerSecurityContext>;
  more?: PartialContainer;
  owned?: boolean;
  handlerChanges?: Partial<typeof handler>;
  hostDevices?: HostDevice[];
}

function devicesOf(options: Options) {
  const { nodes = [node('/dev/fuse')], hostPath = '/dev/fuse', containerPath = '/dev/x', permissions = 'rw' } = options;
  const config = container({ linux: { securityContext: options.context ?? {} }, ...options.more });
  return containerDevices({
    base,
    config,
    devices: options.more ? [] : [{ device: { containerPath, hostPath, permissions }, hostPath, nodes }],
    hostDevices: options.hostDevices,
    handler: { ...handler, ...options.handlerChanges },
    settings: { ...settings, device_ownership_from_security_context: options.owned ?? false },
  });
}

describe('containerDevices', () => {
  it('puts a device where the request wants it and allows its use', () => {
    expect(devicesOf({})).toEqual({
      devices: [{ path: '/dev/x', type: 'c', major: 10, minor: 1, fileMode: 0o660, uid: 0, gid: 5 }],
      rules: [...base.rules, { allow: true, type: 'c', major: 10, minor: 1, access: 'rw' }],
    });
  });

  it('takes a directory whole', () => {
    const nodes = [node('/dev/snd/pcm', 1), node('/dev/snd/by-id/mic', 2)];
    const { devices, rules } = devicesOf({ nodes, hostPath: '/dev/snd', containerPath: '/dev/sound/' });
    expect(devices.map(({ path, minor }) => [path, minor])).toEqual([
      ['/dev/sound/pcm', 1],
      ['/dev/sound/by-id/mic', 2],
    ]);
    expect(rules.slice(1).map(({ minor }) => minor)).toEqual([1, 2]);
  });

  it('puts it at its host path when the request names no other', () => {
    expect(devicesOf({ containerPath: '' }).devices[0]?.path).toBe('/dev/fuse');
  });

  it('gives devices to the user when the configuration says so, except to root', () => {
    const context = { runAsUser: { value: 1000n }, runAsGroup: { value: 0n } };
    expect(devicesOf({ context, owned: true }).devices).toMatchObject([{ uid: 1000, gid: 5 }]);
    expect(devicesOf({ context }).devices).toMatchObject([{ uid: 0, gid: 5 }]);
  });

  it('adds the console of a terminal when the request mounts the /dev of the host', () => {
    const more = { tty: true, mounts: [{ containerPath: '/dev', hostPath: '/dev' }] };
    expect(devicesOf({ more }).devices).toMatchObject([{ path: '/dev/console', major: 5, minor: 1 }]);
    expect(devicesOf({ more: { ...more, tty: false } }).devices).toEqual([]);
  });

  const privileged = { privileged: true };
  const hostDevices = [node('/dev/kvm', 232), node('/dev/x', 9)];
  const everything = [{ allow: true, access: 'rwm' }];

  it('gives a privileged container the devices of the host and the use of all', () => {
    const { devices, rules } = devicesOf({ context: privileged, hostDevices });
    expect(devices.map(({ path, minor }) => [path, minor])).toEqual([
      ['/dev/x', 1],
      ['/dev/kvm', 232],
    ]);
    expect(rules).toEqual(everything);
  });

  it('does not where the handler says so', () => {
    const handlerChanges = { privilegedWithoutHostDevices: true };
    const { devices, rules } = devicesOf({ context: privileged, hostDevices, handlerChanges });
    expect(devices.map(({ path }) => path)).toEqual(['/dev/x']);
    expect(rules).toHaveLength(2);
    const all = { ...handlerChanges, privilegedWithoutHostDevicesAllDevicesAllowed: true };
    expect(devicesOf({ context: privileged, hostDevices, handlerChanges: all }).rules).toEqual(everything);
  });

  it('allows nothing more to one that is not privileged, whatever the handler says', () => {
    const handlerChanges = { privilegedWithoutHostDevicesAllDevicesAllowed: true };
    expect(devicesOf({ handlerChanges, hostDevices }).rules).toHaveLength(2);
  });

  it.each<[Options, string]>([
    [{ permissions: 'rwx' }, 'permissions'],
    [{ nodes: [] }, 'host_path'],
  ])('refuses %j', (options, field) => {
    expect(thrownBy(() => devicesOf(options))).toMatchObject({ field: `config.devices[0].${field}` });
  });

  it('takes as many nodes below a directory as a container may have, and refuses one more', () => {
    const below = (count: number) => ({ nodes: Array.from({ length: count }, (_, at) => node(`/dev/fuse/${at}`, at)) });
    expect(devicesOf(below(MAX_DEVICE_NODES)).devices).toHaveLength(MAX_DEVICE_NODES);
    expect(thrownBy(() => devicesOf(below(MAX_DEVICE_NODES + 1)))).toMatchObject({
      field: 'config.devices[0].host_path',
      message: expect.stringContaining(String(MAX_DEVICE_NODES)),
    });
  });
});

describe('wantsHostDevices', () => {
  it.each([
    [true, false, true],
    [true, true, false],
    [false, false, false],
  ])('privileged %s, handler without %s: %s', (isPrivileged, privilegedWithoutHostDevices, expected) => {
    expect(wantsHostDevices(isPrivileged, { privilegedWithoutHostDevices })).toBe(expected);
  });
});
