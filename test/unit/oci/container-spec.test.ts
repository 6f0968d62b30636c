import { MountPropagation, NamespaceMode, SecurityProfile_ProfileType } from '../../../generated/cri/v1/api';
import { defaultSeccomp } from '../../../src/oci/security/seccomp-default';
import { containerSpec } from './at-once';
import { BASE_MOUNTS, bind, DEFAULT_CAPABILITIES, POD_ANNOTATIONS, stored } from './expected-parts';
import { containerInput, facts, pod, withRequest } from './fixtures';

describe('containerSpec', () => {
  it('gives a container that asks for nothing the defaults and the namespaces of its pod', () => {
    expect(stored(containerSpec(containerInput()))).toEqual({
      ociVersion: '1.0.2',
      process: {
        user: { uid: 0, gid: 0, additionalGids: [0] },
        args: ['/app'],
        env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOSTNAME=pod-host'],
        cwd: '/',
        capabilities: {
          bounding: DEFAULT_CAPABILITIES,
          effective: DEFAULT_CAPABILITIES,
          permitted: DEFAULT_CAPABILITIES,
        },
      },
      root: { path: 'rootfs' },
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
        cgroupsPath: 'system.slice:cri-containerd:c1',
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
      ociVersion: '1.0.2',
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
      mountLabel: 'm',
    });
  });
});
