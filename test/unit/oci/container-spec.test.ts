import { MountPropagation, NamespaceMode, SecurityProfile_ProfileType } from '../../../generated/cri/v1/api';
import type { Spec } from '../../../src/model/spec';
import { checkContainer, containerSpec } from '../../../src/oci/container-spec';
import { OciError } from '../../../src/oci/oci-error';
import { defaultSeccomp } from '../../../src/oci/seccomp-default';
import {
  container,
  containerInput,
  facts,
  handler,
  imageConfig,
  pod,
  settings,
  thrownBy,
  withRequest,
} from './fixtures';

const DEFAULT_CAPABILITIES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

const BASE_MOUNTS = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  {
    destination: '/dev',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
  },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
  {
    destination: '/sys/fs/cgroup',
    type: 'cgroup',
    source: 'cgroup',
    options: ['nosuid', 'noexec', 'nodev', 'relatime', 'ro'],
  },
];

const bind = (destination: string, source: string, ...options: string[]) => ({
  destination,
  type: 'bind',
  source,
  options: ['rbind', 'rprivate', ...options],
});

/** JSON drops what is undefined: this is what containerd gets. */
function stored(spec: Spec): unknown {
  return JSON.parse(JSON.stringify(spec, (_, value) => (typeof value === 'bigint' ? Number(value) : value)));
}

const POD_ANNOTATIONS = {
  'io.kubernetes.cri.container-type': 'container',
  'io.kubernetes.cri.sandbox-id': 's1',
  'io.kubernetes.cri.sandbox-namespace': 'ns',
  'io.kubernetes.cri.sandbox-uid': 'u-1',
  'io.kubernetes.cri.sandbox-name': 'pod',
  'io.kubernetes.cri.container-name': 'web',
  'io.kubernetes.cri.image-name': 'docker.io/library/web:1',
};

describe('containerSpec', () => {
  it('gives a container that asks for nothing the defaults and the namespaces of its pod', () => {
    expect(stored(containerSpec(containerInput()))).toEqual({
      ociVersion: '1.2.0',
      process: {
        terminal: false,
        user: { uid: 0, gid: 0, additionalGids: [0] },
        args: ['/app'],
        env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOSTNAME=pod-host'],
        cwd: '/',
        capabilities: {
          bounding: DEFAULT_CAPABILITIES,
          effective: DEFAULT_CAPABILITIES,
          permitted: DEFAULT_CAPABILITIES,
        },
        noNewPrivileges: false,
      },
      root: { path: 'rootfs', readonly: false },
      mounts: [
        ...BASE_MOUNTS,
        bind('/etc/hostname', '/s1/hostname', 'rw'),
        bind('/etc/hosts', '/s1/hosts', 'rw'),
        bind('/etc/resolv.conf', '/s1/resolv.conf', 'rw'),
        bind('/dev/shm', '/s1/shm', 'rw'),
      ],
      annotations: POD_ANNOTATIONS,
      linux: {
        resources: { devices: [{ allow: false, access: 'rwm' }] },
        namespaces: [
          { type: 'pid', path: '/proc/42/ns/pid' },
          { type: 'ipc', path: '/proc/42/ns/ipc' },
          { type: 'uts', path: '/proc/42/ns/uts' },
          { type: 'mount' },
          { type: 'network', path: '/proc/42/ns/net' },
          { type: 'cgroup' },
        ],
        devices: [],
        cgroupsPath: 'system.slice:cri-containerd:c1',
        maskedPaths: [],
        readonlyPaths: [],
      },
    });
  });

  it('gives what a container asks for', () => {
    const input = withRequest(
      {
        command: ['/bin/sh'],
        args: ['-c', 'id'],
        workingDir: '/work',
        tty: true,
        envs: [{ key: 'A', value: Buffer.from('1') }],
        mounts: [
          { containerPath: '/data/sub', hostPath: '/srv/sub', readonly: true },
          { containerPath: '/data', hostPath: '/srv', propagation: MountPropagation.PROPAGATION_HOST_TO_CONTAINER },
          { containerPath: '/etc/hosts', hostPath: '/kubelet/etc-hosts' },
        ],
        linux: {
          resources: {
            cpuPeriod: 100_000n,
            cpuQuota: 50_000n,
            cpuShares: 512n,
            memoryLimitInBytes: 2n ** 40n,
            oomScoreAdj: 900n,
            cpusetCpus: '0-1',
            unified: { 'memory.high': '1073741824' },
          },
          securityContext: {
            capabilities: { addCapabilities: ['sys_admin'], dropCapabilities: ['ALL'] },
            namespaceOptions: { pid: NamespaceMode.CONTAINER },
            readonlyRootfs: true,
            noNewPrivs: true,
            maskedPaths: ['/proc/kcore'],
            readonlyPaths: ['/proc/sys'],
            seccomp: { profileType: SecurityProfile_ProfileType.RuntimeDefault },
          },
        },
      },
      {
        sandboxConfig: pod({ linux: { cgroupParent: '/kubepods.slice/kubepods-pod1.slice' } }),
        labels: { process: 'system_u:system_r:container_t:s0', mount: 'system_u:object_r:container_file_t:s0' },
        user: { uid: 1000, gid: 1000, additionalGids: [1000, 2000] },
      },
    );
    const admin = ['CAP_SYS_ADMIN'];
    expect(containerSpec(input)).toEqual({
      ociVersion: '1.2.0',
      process: {
        terminal: true,
        user: { uid: 1000, gid: 1000, additionalGids: [1000, 2000] },
        args: ['/bin/sh', '-c', 'id'],
        env: [
          'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
          'TERM=xterm',
          'HOSTNAME=pod-host',
          'A=1',
        ],
        cwd: '/work',
        capabilities: { bounding: admin, effective: admin, permitted: admin },
        noNewPrivileges: true,
        selinuxLabel: 'system_u:system_r:container_t:s0',
        oomScoreAdj: 900,
      },
      root: { path: 'rootfs', readonly: true },
      mounts: [
        ...BASE_MOUNTS,
        { destination: '/data', type: 'bind', source: '/srv', options: ['rbind', 'rslave', 'rw'] },
        bind('/data/sub', '/srv/sub', 'ro'),
        bind('/etc/hosts', '/kubelet/etc-hosts', 'rw'),
        bind('/etc/hostname', '/s1/hostname', 'ro'),
        bind('/etc/resolv.conf', '/s1/resolv.conf', 'ro'),
        bind('/dev/shm', '/s1/shm', 'rw'),
      ],
      annotations: POD_ANNOTATIONS,
      linux: {
        resources: {
          devices: [{ allow: false, access: 'rwm' }],
          cpu: { shares: 512n, quota: 50_000n, period: 100_000n, cpus: '0-1' },
          memory: { limit: 2n ** 40n, swap: 2n ** 40n },
          unified: { 'memory.high': '1073741824' },
        },
        namespaces: [
          { type: 'pid' },
          { type: 'ipc', path: '/proc/42/ns/ipc' },
          { type: 'uts', path: '/proc/42/ns/uts' },
          { type: 'mount' },
          { type: 'network', path: '/proc/42/ns/net' },
          { type: 'cgroup' },
        ],
        devices: [],
        cgroupsPath: 'kubepods-pod1.slice:cri-containerd:c1',
        seccomp: defaultSeccomp(admin, facts),
        rootfsPropagation: 'rslave',
        maskedPaths: ['/proc/kcore'],
        readonlyPaths: ['/proc/sys'],
        mountLabel: 'system_u:object_r:container_file_t:s0',
      },
    });
  });

  it('gives a privileged container the host: capabilities, devices, writable sysfs and cgroups, no confinement', () => {
    const privileged = { securityContext: { privileged: true } };
    const spec = containerSpec(
      withRequest(
        {
          linux: {
            securityContext: {
              privileged: true,
              maskedPaths: ['/proc/kcore'],
              seccomp: { profileType: SecurityProfile_ProfileType.RuntimeDefault },
              apparmor: { profileType: SecurityProfile_ProfileType.RuntimeDefault },
            },
          },
        },
        {
          sandboxConfig: pod({ linux: privileged }),
          facts: { ...facts, apparmor: true },
          labels: { process: 'p', mount: 'm' },
          hostDevices: [{ path: '/dev/sda', type: 'b', major: 8, minor: 0, fileMode: 0o60660, uid: 0, gid: 6 }],
          cgroupMountOptions: ['rw', 'nsdelegate', 'memory_recursiveprot'],
        },
      ),
    );
    expect(spec.process?.capabilities?.bounding).toEqual(facts.capabilities);
    expect(spec.process?.selinuxLabel).toBeUndefined();
    expect(spec.process?.apparmorProfile).toBeUndefined();
    expect(spec.mounts?.filter(({ destination }) => destination.startsWith('/sys'))).toEqual([
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'rw'] },
      {
        destination: '/sys/fs/cgroup',
        type: 'cgroup',
        source: 'cgroup',
        options: ['nosuid', 'noexec', 'nodev', 'relatime', 'rw', 'nsdelegate', 'memory_recursiveprot'],
      },
    ]);
    expect(spec.linux).toEqual({
      resources: { devices: [{ allow: true, access: 'rwm' }] },
      namespaces: [
        { type: 'pid', path: '/proc/42/ns/pid' },
        { type: 'ipc', path: '/proc/42/ns/ipc' },
        { type: 'uts', path: '/proc/42/ns/uts' },
        { type: 'mount' },
        { type: 'network', path: '/proc/42/ns/net' },
      ],
      devices: [{ path: '/dev/sda', type: 'b', major: 8, minor: 0, fileMode: 0o660, uid: 0, gid: 6 }],
      cgroupsPath: 'system.slice:cri-containerd:c1',
      maskedPaths: [],
      readonlyPaths: [],
      mountLabel: 'm',
    });
  });

  it('joins the user namespace of the pod and shifts the ids of its own files', () => {
    const ids = { containerId: 0, hostId: 65536, length: 65536 };
    const namespaceOptions = { usernsOptions: { mode: NamespaceMode.POD, uids: [ids], gids: [ids] } };
    const spec = containerSpec(
      withRequest(
        { linux: { securityContext: { namespaceOptions } } },
        { sandboxConfig: pod({ linux: { securityContext: { namespaceOptions } } }) },
      ),
    );
    const mapping = [{ containerID: 0, hostID: 65536, size: 65536 }];
    expect(spec.linux?.namespaces).toContainEqual({ type: 'user', path: '/proc/42/ns/user' });
    expect(spec.linux).toMatchObject({ uidMappings: mapping, gidMappings: mapping });
    expect(spec.mounts?.slice(-4)).toEqual([
      { ...bind('/etc/hostname', '/s1/hostname', 'rw'), uidMappings: mapping, gidMappings: mapping },
      { ...bind('/etc/hosts', '/s1/hosts', 'rw'), uidMappings: mapping, gidMappings: mapping },
      { ...bind('/etc/resolv.conf', '/s1/resolv.conf', 'rw'), uidMappings: mapping, gidMappings: mapping },
      bind('/dev/shm', '/s1/shm', 'rw'),
    ]);
  });

  it('binds the host sysfs in a user namespace on the host network, where none can be mounted', () => {
    const ids = { containerId: 0, hostId: 65536, length: 65536 };
    const namespaceOptions = {
      network: NamespaceMode.NODE,
      usernsOptions: { mode: NamespaceMode.POD, uids: [ids], gids: [ids] },
    };
    const spec = containerSpec(
      withRequest(
        { linux: { securityContext: { namespaceOptions } } },
        { sandboxConfig: pod({ linux: { securityContext: { namespaceOptions } } }) },
      ),
    );
    expect(spec.mounts?.find(({ destination }) => destination === '/sys')).toEqual({
      destination: '/sys',
      type: 'bind',
      source: '/sys',
      options: ['rbind', 'rro', 'nosuid', 'nodev', 'noexec'],
    });
  });

  it('lays the request over a base spec and keeps the rest of it', () => {
    const base: Spec = {
      ociVersion: '1.0.2',
      process: {
        user: { uid: 7, gid: 7 },
        cwd: '/base',
        env: ['FROM_BASE=1', 'PATH=/base'],
        rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1024n, hard: 2n ** 60n }],
        capabilities: { bounding: ['CAP_KILL'] },
      },
      hooks: { createContainer: [{ path: '/hook' }] },
      mounts: [
        { destination: '/run', type: 'tmpfs', source: 'tmpfs' },
        { destination: '/extra', type: 'bind', source: '/extra' },
      ],
      linux: { seccomp: { defaultAction: 'SCMP_ACT_LOG' }, maskedPaths: ['/x'] },
    };
    const before = structuredClone(base);
    const spec = containerSpec(
      withRequest({ linux: { securityContext: { capabilities: { addCapabilities: ['BPF'] } } } }, { base }),
    );
    expect(base).toEqual(before);
    expect(spec.ociVersion).toBe('1.0.2');
    expect(spec.hooks).toEqual(base.hooks);
    expect(spec.mounts?.map(({ destination }) => destination)).toEqual([
      '/extra',
      '/sys/fs/cgroup',
      '/etc/hostname',
      '/etc/hosts',
      '/etc/resolv.conf',
      '/dev/shm',
    ]);
    expect(spec.linux?.seccomp).toEqual({ defaultAction: 'SCMP_ACT_LOG' });
    expect(spec.process).toMatchObject({
      user: { uid: 0, gid: 0, additionalGids: [0] },
      cwd: '/base',
      env: ['FROM_BASE=1', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOSTNAME=pod-host'],
      rlimits: base.process?.rlimits,
      capabilities: { bounding: ['CAP_KILL', 'CAP_BPF'] },
    });
  });

  it('keeps the default masked paths when the configuration says so', () => {
    const spec = containerSpec(withRequest({ linux: {} }, { settings: { ...settings, disable_proc_mount: true } }));
    expect(spec.linux?.maskedPaths).toContain('/sys/devices/virtual/powercap');
    expect(spec.linux?.readonlyPaths).toEqual([
      '/proc/bus',
      '/proc/fs',
      '/proc/irq',
      '/proc/sys',
      '/proc/sysrq-trigger',
    ]);
  });

  it('does not share anything between two specs made from one image', () => {
    const image = { config: imageConfig({ env: ['A=1'] }) };
    const first = containerSpec(containerInput({ image }));
    const before = structuredClone(containerSpec(containerInput({ image })));
    first.process?.env?.push('LEAK=1');
    first.process?.capabilities?.bounding?.push('CAP_LEAK');
    first.mounts?.[0]?.options?.push('leak');
    first.linux?.resources?.devices?.push({ allow: true });
    expect(containerSpec(containerInput({ image }))).toEqual(before);
  });

  it('takes the name of the node on the host network', () => {
    const spec = containerSpec(containerInput({ sandboxConfig: pod({ hostname: '' }) }));
    expect(spec.process?.env).toContain('HOSTNAME=node-1');
  });

  it('reads a localhost profile from what the story read', () => {
    const config = container({
      linux: {
        securityContext: { seccomp: { profileType: SecurityProfile_ProfileType.Localhost, localhostRef: '/p.json' } },
      },
    });
    const seccompProfile = { defaultAction: 'SCMP_ACT_ALLOW' };
    expect(containerSpec(containerInput({ config, seccompProfile })).linux?.seccomp).toEqual(seccompProfile);
    expect(thrownBy(() => containerSpec(containerInput({ config })))).toBeInstanceOf(OciError);
  });
});

describe('checkContainer', () => {
  it.each([
    [{ securityContext: { privileged: true } }, 'config.linux.security_context.privileged'],
    [
      { securityContext: { namespaceOptions: { usernsOptions: { mode: NamespaceMode.CONTAINER } } } },
      'config.linux.security_context.namespace_options.userns_options.mode',
    ],
  ])('refuses %j', (linux, field) => {
    const error = thrownBy(() => checkContainer(containerInput({ config: container({ linux }) })));
    expect(error).toBeInstanceOf(OciError);
    expect(error).toMatchObject({ field, code: 'INVALID_ARGUMENT' });
  });

  it('lets a privileged container into a privileged sandbox', () => {
    const linux = { securityContext: { privileged: true } };
    const input = containerInput({ config: container({ linux }), sandboxConfig: pod({ linux }), handler });
    expect(() => checkContainer(input)).not.toThrow();
  });
});
