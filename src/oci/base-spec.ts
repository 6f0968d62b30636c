import type { HostFacts } from '../model/host-facts';
import type { NamespaceType, Spec, SpecMount } from '../model/spec';
import { defaultCapabilities } from './security/capabilities';

/** What a spec claims until `specVersion` has seen all of it. */
const OCI_VERSION = '1.0.2';

/** Where kubelet's absence leaves a container: containerd's namespace, as its own CRI has it. */
export const DEFAULT_CGROUP_PARENT = '/k8s.io';

const MASKED_PATHS = [
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
  // RAPL counters leak what other processes compute (PLATYPUS).
  '/sys/devices/virtual/powercap',
  '/proc/scsi',
];

const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

const NAMESPACES: readonly NamespaceType[] = ['pid', 'ipc', 'uts', 'mount', 'network'];

function mount(destination: string, type: string, source: string, options: string): SpecMount {
  return { destination, type, source, options: options.split(' ') };
}

/** The mounts of every generated spec. There is no tmpfs on /run: images expect what they put there. */
export function defaultMounts(): SpecMount[] {
  return [
    mount('/proc', 'proc', 'proc', 'nosuid noexec nodev'),
    mount('/dev', 'tmpfs', 'tmpfs', 'nosuid strictatime mode=755 size=65536k'),
    mount('/dev/pts', 'devpts', 'devpts', 'nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5'),
    mount('/dev/shm', 'tmpfs', 'shm', 'nosuid noexec nodev mode=1777 size=65536k'),
    mount('/dev/mqueue', 'mqueue', 'mqueue', 'nosuid noexec nodev'),
    mount('/sys', 'sysfs', 'sysfs', 'nosuid noexec nodev ro'),
  ];
}

/**
 * The spec that containers start from: no rlimits (the shim's are inherited), no seccomp, no AppArmor, every device
 * denied (a runtime adds /dev/null and its like by itself). A new value each time, so that nothing is shared.
 */
export function baseSpec({ thermalThrottleDirs }: Pick<HostFacts, 'thermalThrottleDirs'>): Spec {
  const capabilities = defaultCapabilities();
  return {
    ociVersion: OCI_VERSION,
    process: {
      user: { uid: 0, gid: 0 },
      cwd: '/',
      capabilities: {
        bounding: [...capabilities],
        effective: [...capabilities],
        permitted: [...capabilities],
      },
      noNewPrivileges: true,
    },
    root: { path: 'rootfs' },
    mounts: defaultMounts(),
    linux: {
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      namespaces: NAMESPACES.map((type) => ({ type })),
      // Their counts tell of the work of others, as /proc/interrupts does; containerd hides them since 2.3.6.
      maskedPaths: [...MASKED_PATHS, ...thermalThrottleDirs],
      readonlyPaths: [...READONLY_PATHS],
    },
  };
}

/** A deep copy of an administrator's base_runtime_spec, its tmpfs on /run left out as from the generated one. */
export function copyOfBaseSpec(base: Spec): Spec {
  const copy = structuredClone(base);
  if (copy.mounts) copy.mounts = copy.mounts.filter((each) => each.destination !== '/run' || each.type !== 'tmpfs');
  return copy;
}
