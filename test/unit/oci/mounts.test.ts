import { type DeepPartial, type Mount, MountPropagation, NamespaceMode } from '../../../generated/cri/v1/api';
import type { SpecMount } from '../../../src/model/spec';
import type { Propagation } from '../../../src/oci/inputs';
import { checkMounts, containerMounts, rootfsPropagation } from '../../../src/oci/mounts';
import { container, type PartialContainer, thrownBy } from './fixtures';

const { PROPAGATION_PRIVATE, PROPAGATION_HOST_TO_CONTAINER, PROPAGATION_BIDIRECTIONAL } = MountPropagation;

const defaults: SpecMount[] = ['/proc', '/dev', '/dev/pts', '/dev/shm', '/dev/mqueue', '/sys'].map((destination) => ({
  destination,
  type: 'base',
}));

interface Options {
  volumes?: { containerPath: string; source: string }[];
  sourcePropagation?: Propagation;
  config?: PartialContainer;
}

function mountsOf(mounts: DeepPartial<Mount>[], options: Options = {}): SpecMount[] {
  const config = container({ ...options.config, mounts });
  return containerMounts({
    base: defaults,
    config,
    mounts: config.mounts.map((mount) => ({
      mount,
      source: `/resolved${mount.hostPath}`,
      sourcePropagation: options.sourcePropagation,
    })),
    volumes: options.volumes ?? [],
    files: { hostname: '/s/hostname', hosts: '/s/hosts', resolvConf: '/s/resolv.conf', shm: '/s/shm' },
    hostNetwork: false,
    cgroupWritable: false,
    cgroupOptions: [],
  });
}

const places = (mounts: SpecMount[]) => mounts.map(({ destination }) => destination);
const at = (mounts: SpecMount[], path: string) => mounts.find(({ destination }) => destination === path);
const host = (containerPath: string, more: DeepPartial<Mount> = {}): DeepPartial<Mount> => ({
  containerPath,
  hostPath: '/src',
  ...more,
});

describe('containerMounts', () => {
  it('puts the shallow before the deep and keeps the given order otherwise', () => {
    const mounts = mountsOf([host('/b/c/d'), host('/z'), host('/b'), host('/a')]);
    expect(places(mounts)).toEqual([
      '/proc',
      '/dev',
      '/dev/pts',
      '/dev/mqueue',
      '/sys',
      '/sys/fs/cgroup',
      '/z',
      '/b',
      '/a',
      '/etc/hostname',
      '/etc/hosts',
      '/etc/resolv.conf',
      '/dev/shm',
      '/b/c/d',
    ]);
  });

  it.each(['/etc/hosts', '/etc/hosts/', '/etc//hosts', '/etc/./hosts', '/etc/x/../hosts'])(
    'lets the request take the place of ours at %s',
    (containerPath) => {
      const mounts = mountsOf([host(containerPath)]);
      expect(mounts.filter(({ source }) => source === '/s/hosts')).toEqual([]);
      expect(at(mounts, containerPath)?.source).toBe('/resolved/src');
    },
  );

  it('lets the request take the place of a default mount and of an image volume', () => {
    const mounts = mountsOf([host('/proc'), host('/data')], { volumes: [{ containerPath: '/data', source: '/v' }] });
    expect(at(mounts, '/proc')).toMatchObject({ source: '/resolved/src' });
    expect(at(mounts, '/data')).toMatchObject({ source: '/resolved/src' });
    expect(places(mounts).filter((path) => path === '/data')).toHaveLength(1);
  });

  it('takes away what is below /dev when the request mounts /dev, but for what it or we put there', () => {
    expect(places(mountsOf([host('/dev'), host('/dev/x')]))).toEqual([
      '/proc',
      '/sys',
      '/sys/fs/cgroup',
      '/dev',
      '/dev/x',
      '/etc/hostname',
      '/etc/hosts',
      '/etc/resolv.conf',
      '/dev/shm',
    ]);
  });

  it('mounts the volumes of the image', () => {
    expect(at(mountsOf([], { volumes: [{ containerPath: '/data', source: '/v' }] }), '/data')).toEqual({
      destination: '/data',
      type: 'bind',
      source: '/v',
      options: ['rbind', 'rprivate', 'rw'],
    });
  });

  it('mounts the volumes of the image after the files of the pod, and over none of them', () => {
    const volumes = ['/etc/hosts', '/dev/shm/', '/var/data'].map((containerPath) => ({ containerPath, source: '/v' }));
    const mounts = mountsOf([], { volumes }).filter(({ type }) => type === 'bind');
    expect(mounts.map(({ destination, source }) => [destination, source])).toEqual([
      ['/etc/hostname', '/s/hostname'],
      ['/etc/hosts', '/s/hosts'],
      ['/etc/resolv.conf', '/s/resolv.conf'],
      ['/dev/shm', '/s/shm'],
      ['/var/data', '/v'],
    ]);
  });

  it('uses the /dev/shm of the node in its IPC namespace', () => {
    const config = { linux: { securityContext: { namespaceOptions: { ipc: NamespaceMode.NODE } } } };
    expect(at(mountsOf([], { config }), '/dev/shm')?.source).toBe('/dev/shm');
    expect(at(mountsOf([]), '/dev/shm')?.source).toBe('/s/shm');
  });

  it.each<[DeepPartial<Mount>, string[]]>([
    [{}, ['rbind', 'rprivate', 'rw']],
    [{ readonly: true }, ['rbind', 'rprivate', 'ro']],
    [{ readonly: true, recursiveReadOnly: true }, ['rbind', 'rprivate', 'rro']],
    [{ propagation: PROPAGATION_HOST_TO_CONTAINER }, ['rbind', 'rslave', 'rw']],
    [{ propagation: PROPAGATION_BIDIRECTIONAL, readonly: true }, ['rbind', 'rshared', 'ro']],
    [{ mountOptions: ['noexec', 'nosuid'] }, ['rbind', 'rprivate', 'rw', 'noexec', 'nosuid']],
  ])('gives %j the options %j', (mount, options) => {
    expect(at(mountsOf([host('/m', mount)], { sourcePropagation: 'shared' }), '/m')?.options).toEqual(options);
  });

  it('shifts ids of a mount as asked, but not of an image volume', () => {
    const ids = {
      uidMappings: [{ hostId: 5, containerId: 0, length: 9 }],
      gidMappings: [{ hostId: 6, containerId: 0, length: 9 }],
    };
    expect(at(mountsOf([host('/m', ids)]), '/m')).toMatchObject({
      uidMappings: [{ hostID: 5, containerID: 0, size: 9 }],
      gidMappings: [{ hostID: 6, containerID: 0, size: 9 }],
    });
    const image = { containerPath: '/m', readonly: true, image: { image: 'i' }, ...ids };
    expect(at(mountsOf([image]), '/m')?.uidMappings).toBeUndefined();
  });

  it.each<[MountPropagation, Propagation | undefined]>([
    [PROPAGATION_HOST_TO_CONTAINER, 'private'],
    [PROPAGATION_HOST_TO_CONTAINER, undefined],
    [PROPAGATION_BIDIRECTIONAL, 'slave'],
    [PROPAGATION_BIDIRECTIONAL, 'private'],
  ])('refuses propagation %d from a %s mount', (propagation, sourcePropagation) => {
    const act = () => mountsOf([host('/a'), host('/m', { propagation })], { sourcePropagation });
    expect(thrownBy(act)).toMatchObject({ field: 'config.mounts[1].propagation', code: 'FAILED_PRECONDITION' });
  });

  it('accepts HOST_TO_CONTAINER from a slave mount', () => {
    const mounts = mountsOf([host('/m', { propagation: PROPAGATION_HOST_TO_CONTAINER })], {
      sourcePropagation: 'slave',
    });
    expect(at(mounts, '/m')?.options).toContain('rslave');
  });
});

describe('checkMounts', () => {
  const check = (mount: DeepPartial<Mount>, recursiveReadOnlyMounts = true) =>
    checkMounts(container({ mounts: [host('/ok'), mount] }).mounts, { recursiveReadOnlyMounts });

  it.each<[DeepPartial<Mount>, string]>([
    [{ hostPath: '/x' }, 'container_path'],
    [{ containerPath: '/a\0b', hostPath: '/x' }, 'container_path'],
    [{ containerPath: '/a' }, 'host_path'],
    [{ containerPath: '/a', hostPath: 'relative' }, 'host_path'],
    [{ containerPath: '/a', hostPath: '/x', imageSubPath: 'y' }, 'image_sub_path'],
    [host('/a', { recursiveReadOnly: true }), 'recursive_read_only'],
    [
      host('/a', { recursiveReadOnly: true, readonly: true, propagation: PROPAGATION_HOST_TO_CONTAINER }),
      'recursive_read_only',
    ],
    [host('/a', { mountOptions: ['suid'] }), 'mount_options[0]'],
  ])('refuses %j', (mount, field) => {
    expect(thrownBy(() => check(mount))).toMatchObject({
      field: `config.mounts[1].${field}`,
      code: 'INVALID_ARGUMENT',
    });
  });

  it('says RROUnsupported first, where kubelet looks for it', () => {
    const error = thrownBy(() => check(host('/a', { readonly: true, recursiveReadOnly: true }), false));
    expect(error).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: expect.stringMatching(/^RROUnsupported: config\.mounts\[1\]\.recursive_read_only: /),
    });
  });

  const image = { containerPath: '/i', image: { image: 'registry/data:1' }, readonly: true };

  it.each<[DeepPartial<Mount>, string]>([
    [{ ...image, hostPath: '/x' }, 'host_path'],
    [{ ...image, readonly: false }, 'readonly'],
    [{ ...image, imageSubPath: '../x' }, 'image_sub_path'],
    [{ ...image, imageSubPath: 'a/../../x' }, 'image_sub_path'],
    [{ ...image, imageSubPath: '/x' }, 'image_sub_path'],
  ])('refuses the image volume %j, ImageVolumeMountFailed first', (mount, field) => {
    const error = thrownBy(() => check(mount));
    expect(error).toMatchObject({
      field: `config.mounts[1].${field}`,
      message: expect.stringMatching(/^ImageVolumeMountFailed: /),
    });
  });

  it('accepts an image volume with a sub path', () => {
    expect(() => check({ ...image, imageSubPath: 'a/b..c' })).not.toThrow();
  });
});

describe('rootfsPropagation', () => {
  it.each([
    [[PROPAGATION_PRIVATE], undefined, undefined],
    [[], 'rshared', 'rshared'],
    [[PROPAGATION_HOST_TO_CONTAINER], undefined, 'rslave'],
    [[PROPAGATION_HOST_TO_CONTAINER], 'rshared', 'rshared'],
    [[PROPAGATION_HOST_TO_CONTAINER, PROPAGATION_BIDIRECTIONAL], 'rprivate', 'rshared'],
    [[PROPAGATION_BIDIRECTIONAL, PROPAGATION_HOST_TO_CONTAINER], undefined, 'rshared'],
  ])('of %j over %s is %s', (asked, base, expected) => {
    const { mounts } = container({ mounts: asked.map((propagation) => ({ propagation })) });
    expect(rootfsPropagation(mounts, base)).toBe(expected);
  });
});
