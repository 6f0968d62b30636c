import type {
  NamespaceMode,
  SecurityProfile_ProfileType as ProfileType,
  SupplementalGroupsPolicy,
} from '../../../generated/cri/v1/api';
import { OciError } from '../../../src/oci/oci-error';
import { checkContainer } from './at-once';
import { container, containerInput, imageConfig, type PartialContainer, pod, thrownBy } from './fixtures';

const LONG_NAME = `/${'n'.repeat(256)}`;
const LONG_PATH = '/name'.repeat(900);

function mount(changes: object): PartialContainer {
  return { mounts: [{ containerPath: '/data', hostPath: '/srv', ...changes }] };
}

function device(changes: object): PartialContainer {
  return { devices: [{ containerPath: '/dev/x', hostPath: '/dev/null', permissions: 'rw', ...changes }] };
}

function security(securityContext: NonNullable<NonNullable<PartialContainer['linux']>['securityContext']>) {
  return { linux: { securityContext } };
}

function env(key: string, value: string): PartialContainer {
  return { envs: [{ key, value: Buffer.from(value) }] };
}

const REFUSED: [string, PartialContainer, string][] = [
  ['a command with a NUL byte', { command: ['sh', 'a\0b'] }, 'config.command[1]'],
  ['an argument with a NUL byte', { args: ['a\0b'] }, 'config.args[0]'],
  ['a variable without a name', env('', 'x'), 'config.envs[0].key'],
  ['a variable with = in its name', env('a=b', 'x'), 'config.envs[0].key'],
  ['a variable with a NUL byte', env('a', 'x\0'), 'config.envs[0].value'],
  ['a working directory with a NUL byte', { workingDir: '/a\0b' }, 'config.working_dir'],
  ['a working directory that is too long', { workingDir: LONG_PATH }, 'config.working_dir'],
  ['a working directory with a name that is too long', { workingDir: LONG_NAME }, 'config.working_dir'],
  ['a log path with a NUL byte', { logPath: 'a\0b' }, 'config.log_path'],
  ['a mount at no path', mount({ containerPath: '' }), 'config.mounts[0].container_path'],
  ['a mount at a path with a NUL byte', mount({ containerPath: '/a\0' }), 'config.mounts[0].container_path'],
  ['a mount at a name that is too long', mount({ containerPath: LONG_NAME }), 'config.mounts[0].container_path'],
  ['a mount of no path', mount({ hostPath: '' }), 'config.mounts[0].host_path'],
  ['a mount of a relative path', mount({ hostPath: 'srv' }), 'config.mounts[0].host_path'],
  ['a mount of a path with a NUL byte', mount({ hostPath: '/a\0' }), 'config.mounts[0].host_path'],
  ['a mount of a path that is too long', mount({ hostPath: LONG_PATH }), 'config.mounts[0].host_path'],
  ['a propagation that there is not', mount({ propagation: 7 }), 'config.mounts[0].propagation'],
  [
    'a mapping of no ids',
    mount({ uidMappings: [{ containerId: 0, hostId: 1, length: 0 }] }),
    'config.mounts[0].uid_mappings[0].length',
  ],
  [
    'a mapping beyond the last id',
    mount({ gidMappings: [{ containerId: 0, hostId: 4_294_967_295, length: 2 }] }),
    'config.mounts[0].gid_mappings[0]',
  ],
  ['a device of no path', device({ hostPath: '' }), 'config.devices[0].host_path'],
  ['a device at a path with a NUL byte', device({ containerPath: '/dev/\0' }), 'config.devices[0].container_path'],
  ['device permissions that there are not', device({ permissions: 'rwx' }), 'config.devices[0].permissions'],
  ['a CDI device without a vendor', { CDIDevices: [{ name: 'gpu0' }] }, 'config.CDI_devices[0].name'],
  ['an oom_score_adj', { linux: { resources: { oomScoreAdj: 1001n } } }, 'config.linux.resources.oom_score_adj'],
  ['a list of CPUs', { linux: { resources: { cpusetCpus: '3-1' } } }, 'config.linux.resources.cpuset_cpus'],
  ['a user', security({ runAsUser: { value: -1n } }), 'config.linux.security_context.run_as_user'],
  [
    'a group',
    security({ runAsUser: { value: 1n }, runAsGroup: { value: 2n ** 32n } }),
    'config.linux.security_context.run_as_group',
  ],
  ['a group without a user', security({ runAsGroup: { value: 1n } }), 'config.linux.security_context.run_as_group'],
  [
    'a supplemental group',
    security({ supplementalGroups: [1n, -1n] }),
    'config.linux.security_context.supplemental_groups[1]',
  ],
  [
    'a policy of groups',
    security({ supplementalGroupsPolicy: 9 as SupplementalGroupsPolicy }),
    'config.linux.security_context.supplemental_groups_policy',
  ],
  [
    'a capability',
    security({ capabilities: { addCapabilities: ['SYS ADMIN'] } }),
    'config.linux.security_context.capabilities.add_capabilities[0]',
  ],
  [
    'a PID namespace',
    security({ namespaceOptions: { pid: 9 as NamespaceMode } }),
    'config.linux.security_context.namespace_options.pid',
  ],
  [
    'a type of seccomp profile',
    security({ seccomp: { profileType: 9 as ProfileType } }),
    'config.linux.security_context.seccomp.profile_type',
  ],
  [
    'a seccomp profile without a path',
    security({ seccomp: { profileType: 2 } }),
    'config.linux.security_context.seccomp.localhost_ref',
  ],
  [
    'a masked path with a NUL byte',
    security({ maskedPaths: ['/a\0'] }),
    'config.linux.security_context.masked_paths[0]',
  ],
  [
    'a read-only path with a NUL byte',
    security({ readonlyPaths: ['/a', '/b\0'] }),
    'config.linux.security_context.readonly_paths[1]',
  ],
];

describe('checkContainer', () => {
  it.each(REFUSED)('refuses %s', (_what, config, field) => {
    const error = thrownBy(() => checkContainer(containerInput({ config: container(config) })));
    expect(error).toBeInstanceOf(OciError);
    expect(error).toMatchObject({ field, code: 'INVALID_ARGUMENT' });
  });

  it('refuses an AppArmor profile type where the kernel has AppArmor', () => {
    const config = container(security({ apparmor: { profileType: 9 as ProfileType } }));
    const { facts } = containerInput();
    const error = thrownBy(() => checkContainer(containerInput({ config, facts: { ...facts, apparmor: true } })));
    expect(error).toMatchObject({ field: 'config.linux.security_context.apparmor.profile_type' });
  });

  it.each<[string, PartialContainer]>([
    ['nothing in particular', {}],
    ['relative paths in the container', { ...mount({ containerPath: 'data' }), workingDir: 'work' }],
    ['the longest path and names', { workingDir: `/${'n'.repeat(255)}`.repeat(15) }],
    ['the limits of oom_score_adj', { linux: { resources: { oomScoreAdj: -1000n } } }],
    ['a capability that this kernel does not know', security({ capabilities: { addCapabilities: ['CAP_FUTURE'] } })],
    ['a user by name', security({ runAsUsername: 'web' })],
    ['a device without a path in the container', device({ containerPath: '' })],
  ])('takes %s', (_what, config) => {
    expect(() => checkContainer(containerInput({ config: container(config), sandboxConfig: pod() }))).not.toThrow();
  });

  it('refuses a container without a command', () => {
    const image = { config: imageConfig({ entrypoint: [] }) };
    expect(thrownBy(() => checkContainer(containerInput({ image })))).toMatchObject({ field: 'config.command' });
  });
});
