import { MountPropagation, NamespaceMode, SupplementalGroupsPolicy } from '../../../generated/cri/v1/api';
import { type ContainerCase, HOST_DIR } from './cases';
import { IMAGES } from './images';

const text = (value: string): Buffer => Buffer.from(value);

/** Command, environment, streams, names: all that is no field of `linux`. */
export const BASIC: readonly ContainerCase[] = [
  { name: 'nothing asked', config: {} },
  { name: 'command', config: { command: ['/bin/other', '-x'] } },
  { name: 'args', config: { args: ['one', 'two words', ''] } },
  { name: 'command and args', config: { command: ['/bin/other'], args: ['one'] } },
  { name: 'working_dir', config: { workingDir: '/else/where' } },
  { name: 'relative working_dir', config: { workingDir: 'else/where' } },
  {
    name: 'envs',
    config: {
      envs: [
        { key: 'NEW', value: text('1') },
        { key: 'FROM', value: text('request') },
        { key: 'PATH', value: text('/opt/bin') },
        { key: 'EMPTY', value: text('') },
        { key: 'EQUALS', value: text('a=b=c') },
        { key: 'LINES', value: text('one\n"two"\t<&>') },
        { key: 'TWICE', value: text('1') },
        { key: 'TWICE', value: text('2') },
      ],
    },
  },
  {
    name: 'HOSTNAME and TERM in envs',
    config: { tty: true, envs: ['HOSTNAME', 'TERM'].map((key) => ({ key, value: text('mine') })) },
  },
  { name: 'tty', config: { tty: true, stdin: true } },
  { name: 'stdin', config: { stdin: true, stdinOnce: true } },
  { name: 'log_path', config: { logPath: 'log/0.log' } },
  { name: 'labels and annotations', config: { labels: { a: 'b' }, annotations: { 'example.org/a': 'b', plain: '' } } },
  { name: 'attempt', config: { metadata: { attempt: 3 } } },
  { name: 'stop_signal', config: { stopSignal: 10 } },
  {
    name: 'image as the user said it',
    config: {
      image: {
        image: IMAGES.app,
        userSpecifiedImage: 'app:short',
        annotations: { 'example.org/image': 'x' },
        runtimeHandler: 'based',
        imageRef: 'sha256:1',
      },
    },
  },
  { name: 'image without a command', config: { image: { image: IMAGES.bare }, command: ['/bin/other'] } },
  { name: 'image without a command, args only', config: { image: { image: IMAGES.bare }, args: ['/bin/other'] } },
  { name: 'image with volumes', config: { image: { image: IMAGES.volumes } } },
  {
    name: 'image with a volume that a mount takes the place of',
    config: { image: { image: IMAGES.volumes }, mounts: [{ containerPath: '/data/', hostPath: `${HOST_DIR}/dir` }] },
  },
  { name: 'image of a named user', config: { image: { image: IMAGES.named } } },
  { name: 'image of ids', config: { image: { image: IMAGES.ids } } },
];

const mount = (containerPath: string, hostPath: string, more: object = {}) => ({ containerPath, hostPath, ...more });
const dir = `${HOST_DIR}/dir`;

export const MOUNTS: readonly ContainerCase[] = [
  { name: 'mounts', config: { mounts: [mount('/rw', dir), mount('/ro', dir, { readonly: true })] } },
  { name: 'mount of a file', config: { mounts: [mount('/etc/some.conf', `${HOST_DIR}/file`)] } },
  { name: 'mount by a link', config: { mounts: [mount('/linked', `${HOST_DIR}/link`)] } },
  { name: 'mount of what is not there', config: { mounts: [mount('/made', `${HOST_DIR}/made/here`)] } },
  {
    name: 'mounts inside of mounts, in the wrong order',
    config: { mounts: [mount('/a/b/c', dir), mount('/a', dir), mount('/z', dir), mount('/a/b', dir)] },
  },
  {
    name: 'mounts of odd paths',
    config: { mounts: [mount('/a/', dir), mount('/b/../c', dir), mount('//d', dir), mount('e', dir)] },
  },
  {
    name: 'mounts over the files of the pod',
    config: {
      mounts: ['/etc/hosts', '/etc/hostname', '/etc/resolv.conf'].map((path) => mount(path, `${HOST_DIR}/file`)),
    },
  },
  { name: 'mount over /dev/shm', config: { mounts: [mount('/dev/shm', dir)] } },
  { name: 'mount over /dev', config: { mounts: [mount('/dev', '/dev')] } },
  { name: 'mount over /dev with a tty', config: { tty: true, mounts: [mount('/dev', '/dev')] } },
  { name: 'mount over /sys', config: { mounts: [mount('/sys', '/sys', { readonly: true })] } },
  { name: 'mount over /sys/fs/cgroup', config: { mounts: [mount('/sys/fs/cgroup', '/sys/fs/cgroup')] } },
  {
    name: 'mount that gets mounts of the host',
    config: {
      mounts: [mount('/a', `${HOST_DIR}/shared`, { propagation: MountPropagation.PROPAGATION_HOST_TO_CONTAINER })],
    },
  },
  {
    name: 'mount that gives mounts to the host',
    config: {
      mounts: [mount('/a', `${HOST_DIR}/shared`, { propagation: MountPropagation.PROPAGATION_BIDIRECTIONAL })],
    },
  },
  {
    name: 'recursive_read_only',
    since: '2',
    config: { mounts: [mount('/a', dir, { readonly: true, recursiveReadOnly: true })] },
  },
  { name: 'mount_options', config: { mounts: [mount('/a', dir, { mountOptions: ['noexec', 'nosuid', 'nodev'] })] } },
  {
    name: 'mounts of images',
    since: '2',
    config: {
      mounts: [
        mount('/image', '', { readonly: true, image: { image: IMAGES.bare } }),
        mount('/part', '', { readonly: true, image: { image: IMAGES.bare }, imageSubPath: 'data' }),
      ],
    },
  },
  { name: 'selinux_relabel without SELinux', config: { mounts: [mount('/a', dir, { selinuxRelabel: true })] } },
];

const device = (containerPath: string, hostPath: string, permissions: string) => ({
  containerPath,
  hostPath,
  permissions,
});

export const DEVICES: readonly ContainerCase[] = [
  { name: 'CDI device', since: '2', config: { CDIDevices: [{ name: 'example.org/thing=one' }] } },
  { name: 'device', config: { devices: [device('/dev/xnull', '/dev/null', 'rwm')] } },
  {
    name: 'device to read',
    config: { devices: [device('/dev/xzero', '/dev/zero', 'r'), device('/dev/xnull', '/dev/null', 'mw')] },
  },
  { name: 'device without a path', config: { devices: [device('', '/dev/null', 'rw')] } },
  { name: 'directory of devices', config: { devices: [device('/dev/some', `${HOST_DIR}/devices`, 'rw')] } },
  {
    name: 'device and mount over /dev',
    config: { tty: true, devices: [device('/dev/console', '/dev/null', 'rwm')], mounts: [mount('/dev', '/dev')] },
  },
];

const resources = (name: string, fields: object, since?: '2'): ContainerCase => ({
  name,
  config: { linux: { resources: fields } },
  since,
});

export const RESOURCES: readonly ContainerCase[] = [
  resources('no resources', {}),
  resources('CPU', { cpuPeriod: 100_000n, cpuQuota: 25_000n, cpuShares: 256n }),
  resources('CPU quota -1', { cpuPeriod: 100_000n, cpuQuota: -1n, cpuShares: 2n }),
  resources('CPU set', { cpusetCpus: '0', cpusetMems: '0' }),
  resources('memory', { memoryLimitInBytes: 134_217_728n }),
  resources('memory and swap', { memoryLimitInBytes: 134_217_728n, memorySwapLimitInBytes: 268_435_456n }),
  resources('memory and swap without a limit', { memoryLimitInBytes: 134_217_728n, memorySwapLimitInBytes: -1n }),
  resources('oom_score_adj', { oomScoreAdj: 500n }),
  resources('oom_score_adj below 0', { oomScoreAdj: -997n }),
  resources('huge pages', { hugepageLimits: [{ pageSize: '2MB', limit: 4_194_304n }] }),
  resources('unified', { unified: { 'memory.high': '104857600' } }),
];

const security = (name: string, securityContext: object, since?: '2'): ContainerCase => ({
  name,
  config: { linux: { securityContext } },
  since,
});
const user = (value: bigint) => ({ value });

export const SECURITY: readonly ContainerCase[] = [
  security('no security context', {}),
  security('capabilities added and dropped', {
    capabilities: { addCapabilities: ['NET_ADMIN', 'SYS_TIME'], dropCapabilities: ['MKNOD'] },
  }),
  security('capabilities by odd names', {
    capabilities: { addCapabilities: ['net_admin', 'SYS_TIME'], dropCapabilities: ['mknod'] },
  }),
  security('all capabilities', { capabilities: { addCapabilities: ['ALL'] } }),
  security('all capabilities but some', {
    capabilities: { addCapabilities: ['ALL'], dropCapabilities: ['SYS_ADMIN', 'CHOWN'] },
  }),
  security('no capabilities', { capabilities: { dropCapabilities: ['ALL'] } }),
  security('few capabilities', {
    capabilities: { addCapabilities: ['CHOWN', 'NET_ADMIN'], dropCapabilities: ['ALL'] },
  }),
  security('ambient capabilities', { capabilities: { addAmbientCapabilities: ['NET_BIND_SERVICE'] } }),
  security('unknown capability', { capabilities: { addCapabilities: ['NO_SUCH'] } }),
  security('run_as_user', { runAsUser: user(1000n) }),
  security('run_as_user that no file has', { runAsUser: user(4321n) }),
  security('run_as_user 0', { runAsUser: user(0n) }),
  security('run_as_user and run_as_group', { runAsUser: user(1000n), runAsGroup: user(3000n) }),
  security('run_as_group alone', { runAsGroup: user(3000n) }),
  security('run_as_username', { runAsUsername: 'app' }),
  security('run_as_username and run_as_group', { runAsUsername: 'app', runAsGroup: user(3000n) }),
  security('run_as_username that no file has', { runAsUsername: 'nobody-here' }),
  security('supplemental_groups', { runAsUser: user(1000n), supplementalGroups: [4000n, 50n] }),
  security('supplemental_groups of root', { supplementalGroups: [4000n] }),
  security(
    'strict supplemental_groups',
    { runAsUser: user(1000n), supplementalGroups: [4000n], supplementalGroupsPolicy: SupplementalGroupsPolicy.Strict },
    '2',
  ),
  security('readonly_rootfs', { readonlyRootfs: true }),
  security('no_new_privs', { noNewPrivs: true }),
  security('masked_paths and readonly_paths', {
    maskedPaths: ['/proc/kcore', '/proc/keys'],
    readonlyPaths: ['/proc/sys'],
  }),
  security('privileged in a pod that is not', { privileged: true }),
  security('PID namespace of its own', { namespaceOptions: { pid: NamespaceMode.CONTAINER } }),
  security('network namespace of the host in a pod with its own', {
    namespaceOptions: { network: NamespaceMode.NODE },
  }),
  security('IPC namespace of the host in a pod with its own', { namespaceOptions: { ipc: NamespaceMode.NODE } }),
];
