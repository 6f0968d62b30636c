import { NamespaceMode, SecurityProfile_ProfileType } from '../../../generated/cri/v1/api';
import { sandboxSpec } from '../../../src/oci/sandbox-spec';
import { defaultCapabilities } from '../../../src/oci/security/capabilities';
import { defaultSeccomp } from '../../../src/oci/security/seccomp-default';
import { facts, imageConfig, pod, sandboxInput, settings, thrownBy } from './fixtures';

const BIND = ['rbind', 'ro', 'nosuid', 'nodev', 'noexec'];

describe('sandboxSpec', () => {
  it('holds the namespaces of the pod and has next to nothing itself', () => {
    const capabilities = defaultCapabilities();
    expect(sandboxSpec(sandboxInput())).toEqual({
      ociVersion: '1.0.2',
      process: {
        user: { uid: 65535, gid: 65535, additionalGids: [65535] },
        args: ['/pause'],
        env: ['PATH=/bin'],
        cwd: '/',
        capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
        noNewPrivileges: true,
        oomScoreAdj: -998,
      },
      root: { path: 'rootfs', readonly: true },
      hostname: 'pod-host',
      mounts: [
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
        { destination: '/dev/shm', type: 'bind', source: '/s1/shm', options: BIND },
        { destination: '/etc/resolv.conf', type: 'bind', source: '/s1/resolv.conf', options: BIND },
      ],
      annotations: {
        'io.kubernetes.cri.container-type': 'sandbox',
        'io.kubernetes.cri.sandbox-id': 's1',
        'io.kubernetes.cri.sandbox-namespace': 'ns',
        'io.kubernetes.cri.sandbox-uid': 'u-1',
        'io.kubernetes.cri.sandbox-name': 'pod',
        'io.kubernetes.cri.sandbox-log-directory': '/var/log/pods/u-1',
        'io.kubernetes.cri.podsandbox.image-name': 'registry.k8s.io/pause:3.10.1',
      },
      linux: {
        namespaces: [
          { type: 'pid' },
          { type: 'ipc' },
          { type: 'uts' },
          { type: 'mount' },
          { type: 'network', path: '/var/run/netns/cni-1' },
        ],
        sysctl: { 'net.ipv4.ip_unprivileged_port_start': '0', 'net.ipv4.ping_group_range': '0 2147483647' },
        resources: { devices: [{ allow: false, access: 'rwm' }], cpu: { shares: 2n } },
        cgroupsPath: 'system.slice:cri-containerd:s1',
        maskedPaths: [
          '/proc/acpi',
          '/proc/asound',
          '/proc/interrupts',
          '/proc/kcore',
          '/proc/keys',
          '/proc/latency_stats',
          '/proc/timer_list',
          '/proc/timer_stats',
          '/proc/sched_debug',
          '/sys/firmware',
          '/sys/devices/virtual/powercap',
          '/proc/scsi',
        ],
        readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
      },
    });
  });

  it('hides what each CPU tells of its heat', () => {
    const thermalThrottleDirs = [0, 1].map((cpu) => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`);
    const { linux } = sandboxSpec(sandboxInput({ facts: { ...facts, thermalThrottleDirs } }));
    expect(linux?.maskedPaths?.slice(-3)).toEqual(['/proc/scsi', ...thermalThrottleDirs]);
  });

  it('shares every namespace of the node that the pod asks for', () => {
    const { NODE } = NamespaceMode;
    const spec = sandboxSpec(
      sandboxInput({
        netnsPath: '',
        config: pod({ linux: { securityContext: { namespaceOptions: { network: NODE, pid: NODE, ipc: NODE } } } }),
      }),
    );
    expect(spec.hostname).toBeUndefined();
    expect(spec.linux?.namespaces).toEqual([{ type: 'mount' }]);
    expect(spec.linux?.sysctl).toBeUndefined();
    expect(spec.mounts).toContainEqual({ destination: '/dev/shm', type: 'bind', source: '/dev/shm', options: BIND });
  });

  it('keeps a PID namespace of its own when the containers have theirs', () => {
    const namespaceOptions = { pid: NamespaceMode.CONTAINER };
    const spec = sandboxSpec(sandboxInput({ config: pod({ linux: { securityContext: { namespaceOptions } } }) }));
    expect(spec.linux?.namespaces).toContainEqual({ type: 'pid' });
  });

  it('tells VM runtimes the size of the pod', () => {
    const resources = { cpuPeriod: 100_000n, cpuQuota: 250_000n, cpuShares: 2560n, memoryLimitInBytes: 2n ** 62n };
    const spec = sandboxSpec(sandboxInput({ config: pod({ linux: { resources } }) }));
    expect(spec.annotations).toMatchObject({
      'io.kubernetes.cri.sandbox-cpu-period': '100000',
      'io.kubernetes.cri.sandbox-cpu-quota': '250000',
      'io.kubernetes.cri.sandbox-cpu-shares': '2560',
      'io.kubernetes.cri.sandbox-memory': '4611686018427387904',
    });
  });

  it('joins the user namespace that owns the network namespace', () => {
    const ids = { containerId: 0, hostId: 65536, length: 65536 };
    const usernsOptions = { mode: NamespaceMode.POD, uids: [ids], gids: [ids] };
    const { linux } = sandboxSpec(
      sandboxInput({
        config: pod({ linux: { securityContext: { namespaceOptions: { usernsOptions } } } }),
        userNamespacePath: '/run/userns/s1',
      }),
    );
    expect(linux?.namespaces).toContainEqual({ type: 'user', path: '/run/userns/s1' });
    expect(linux?.uidMappings).toEqual([{ containerID: 0, hostID: 65536, size: 65536 }]);
    expect(linux?.sysctl).toEqual({ 'net.ipv4.ip_unprivileged_port_start': '0' });
  });

  it('may write to sysfs and has no SELinux label when it is privileged', () => {
    const config = pod({ linux: { securityContext: { privileged: true } } });
    const spec = sandboxSpec(sandboxInput({ config, labels: { process: 'p', mount: 'm' } }));
    expect(spec.process?.selinuxLabel).toBeUndefined();
    expect(spec.linux?.mountLabel).toBe('m');
    expect(spec.mounts?.find(({ destination }) => destination === '/sys')?.options).toContain('rw');
  });

  it('is filtered by the seccomp profile of the pod', () => {
    const seccomp = { profileType: SecurityProfile_ProfileType.RuntimeDefault };
    const spec = sandboxSpec(sandboxInput({ config: pod({ linux: { securityContext: { seccomp } } }) }));
    expect(spec.linux?.seccomp).toEqual(defaultSeccomp(defaultCapabilities(), facts));
  });

  it('does not ask for an OOM score that the daemon may not give', () => {
    const limited = { ...facts, canLowerOomScore: false, minOomScoreAdj: -500 };
    expect(sandboxSpec(sandboxInput({ facts: limited })).process?.oomScoreAdj).toBe(-500);
    const restricted = { ...settings, restrict_oom_score_adj: true };
    expect(sandboxSpec(sandboxInput({ settings: restricted })).process?.oomScoreAdj).toBe(0);
  });

  it('refuses an image that says nothing about what to run', () => {
    const image = { config: imageConfig({ entrypoint: [] }) };
    expect(thrownBy(() => sandboxSpec(sandboxInput({ image })))).toMatchObject({
      field: 'sandbox_image',
      code: 'FAILED_PRECONDITION',
    });
  });
});
