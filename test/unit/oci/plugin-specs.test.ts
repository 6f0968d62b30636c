import { readFileSync } from 'node:fs';
import { type Changes, expanded } from '../../support/specs/canonical';
import { type Meant, unmeant } from '../../support/specs/differences';
import { fixture } from '../../support/specs/files';
import { recordedFile } from '../../support/specs/handlers';
import type { RecordedHost } from '../../support/specs/host';
import type { Release } from '../../support/specs/make-specs';
import { specsOfCrisp } from '../../support/specs/replay';

/** What test/tools/record-specs.sh has written. */
interface Recorded {
  readonly host: RecordedHost;
  readonly specs: Readonly<Record<string, Changes>>;
}

const POD = /^[^/]+$/;
const ANY = /^/;
const SOME = /^(?!-$)/;
const NONE = '-';

const mount = (destination: string, type: string, source: string, options: string): string =>
  JSON.stringify({ destination, type, source, options: options.split(' ') });
const bound = (destination: string, more = ''): string =>
  mount(destination, 'bind', '/tmp/crisp-specs/dir', `rbind rprivate rw${more}`);

/** crisp's specs differ from those of every release in these, on purpose. */
const MEANT: readonly Meant[] = [
  {
    of: 'AppArmor/AppArmor by a profile',
    changes: [['refused', 'UNKNOWN', 'FAILED_PRECONDITION']],
    why: 'A node without AppArmor cannot apply a profile: a code of its own says that the node lacks something.',
  },
  {
    of: 'nothing asked/privileged in a pod that is not',
    changes: [['refused', 'UNKNOWN', 'INVALID_ARGUMENT']],
    why: 'The request is wrong whatever the node has, and an error of crisp names its field.',
  },
  {
    of: 'nothing asked/run_as_group alone',
    changes: [['refused', 'UNKNOWN', 'INVALID_ARGUMENT']],
    why: 'CRI says that a group without a user is an error of the caller.',
  },
  {
    of: 'nothing asked/run_as_username that no file has',
    changes: [['refused', 'UNKNOWN', 'INVALID_ARGUMENT']],
    why: 'The image has no such user, and never will: the request cannot succeed later.',
  },
  {
    of: 'nothing asked/unified',
    changes: [
      ['refused', NONE, 'FAILED_PRECONDITION'],
      [/^(?!refused$)/, SOME, NONE],
    ],
    why: 'The recorded node has cgroup v1. runc refuses `unified` there when the container starts; crisp says so at its creation.',
  },
  {
    of: /^a base spec\/(capabilities|plain)$/,
    changes: [
      ['process.user.additionalGids.2', '10', NONE],
      ['process.user.additionalGids.3', '2000', NONE],
    ],
    why: "The base spec's user 7 runs. The plugin looks up groups for root when nobody names a user, and so gives root's groups to 7.",
  },
  {
    of: 'nothing asked/ambient capabilities',
    changes: [
      ['process.capabilities.ambient.CAP_NET_BIND_SERVICE', NONE, 'true'],
      ['process.capabilities.inheritable.CAP_NET_BIND_SERVICE', NONE, 'true'],
    ],
    why: 'CRI has add_ambient_capabilities, and the kernel raises no ambient capability that is not inheritable. The plugin ignores the field.',
  },
  {
    of: 'nothing asked/envs',
    changes: [
      ['process.env.2', 'FROM=image', 'FROM=request'],
      ['process.env.5', 'FROM=request', 'EMPTY='],
      ['process.env.6', 'EMPTY=', 'EQUALS=a=b=c'],
      ['process.env.7', 'EQUALS=a=b=c', 'LINES=one\n"two"\t<&>'],
      ['process.env.8', 'LINES=one\n"two"\t<&>', 'TWICE=2'],
      ['process.env.9', 'TWICE=1', NONE],
      ['process.env.10', 'TWICE=2', NONE],
    ],
    why: "A name stands there once, with the request's last value. Of two entries, getenv(3) of a program finds the first, unless the runtime drops it.",
  },
  {
    of: /^nothing asked\/image with (volumes|a volume that a mount takes the place of)$/,
    changes: [
      [
        'mounts.11',
        /"destination":"\/cache\/deep\/",.*\/volumes\/NAME/,
        /"destination":"\/cache\/deep",.*\/volumes\/NAME/,
      ],
    ],
    why: 'Paths of volumes are cleaned, so that two spellings of one path in an image are one volume.',
  },
  {
    of: 'nothing asked/mount over /dev with a tty',
    changes: [
      ['linux.devices./dev/console', NONE, '{"type":"c","major":5,"minor":1,"fileMode":384,"uid":0,"gid":0}'],
      ['linux.resources.devices.1', NONE, '{"allow":true,"type":"c","major":5,"minor":1,"access":"rwm"}'],
    ],
    why: "runc opens /dev/console to bind the terminal over it. In the node's /dev that is the console, which the device cgroup denies: the plugin cannot start such a container (EPERM).",
  },
  {
    of: 'nothing asked/mount_options',
    changes: [['mounts.6', bound('/a'), bound('/a', ' noexec nosuid nodev')]],
    why: 'CRI has mount_options since 0.38, which these releases do not know.',
  },
  {
    of: 'nothing asked/mounts of odd paths',
    changes: [
      ['mounts.6', bound('e'), bound('/a/')],
      ['mounts.7', bound('/a/'), bound('/b/../c')],
      ['mounts.8', bound('/b/../c'), bound('//d')],
      ['mounts.9', bound('//d'), bound('/e')],
    ],
    why: 'runtime-spec wants absolute destinations. The relative one is made so, and has its place by depth.',
  },
  {
    of: 'nothing asked/relative working_dir',
    changes: [['process.cwd', 'else/where', '/else/where']],
    why: 'runtime-spec wants an absolute cwd; runc refuses to start another.',
  },
  {
    of: 'run_as_user',
    changes: [
      ['process.user.additionalGids.0', '1000', '50'],
      ['process.user.additionalGids.1', NONE, '1000'],
      ['process.user.additionalGids.2', NONE, '2000'],
    ],
    why: "CRI's policy Merge, the default, adds the groups that the image has for the user, for a pod's first process as for a container's.",
  },
  {
    of: 'run_as_user and run_as_group',
    changes: [
      ['process.user.additionalGids.0', '3000', '50'],
      ['process.user.additionalGids.1', NONE, '2000'],
      ['process.user.additionalGids.2', NONE, '3000'],
    ],
    why: 'The same, beside another primary group.',
  },
  {
    of: 'supplemental_groups',
    changes: [
      ['process.user.additionalGids.0', '1000', '50'],
      ['process.user.additionalGids.1', NONE, '1000'],
      ['process.user.additionalGids.2', NONE, '2000'],
      ['process.user.additionalGids.3', NONE, '4000'],
    ],
    why: "CRI gives them to the pod's first process. The plugin drops them when it sets the user afterwards.",
  },
];

const MQUEUE = mount('/dev/mqueue', 'mqueue', 'mqueue', 'nosuid noexec nodev');
const SYS = mount('/sys', 'sysfs', 'sysfs', 'nosuid noexec nodev ro');
const OWN_SHM = mount('/dev/shm', 'tmpfs', 'shm', 'nosuid noexec nodev mode=1777 size=65536k');
const SHM = 'STATE/sandboxes/SANDBOX/shm';
const RESOLV_CONF = 'ROOT/sandboxes/SANDBOX/resolv.conf';
const BEFORE = 'rbind ro';
const NOW = 'rbind ro nosuid nodev noexec';

const allowed = (names: string): RegExp =>
  new RegExp(`^linux\\.seccomp\\.syscalls\\.(${names}) \\{"action":"SCMP_ACT_ALLOW"\\}$`);
const socketRule = (value: number, op: string): string =>
  `linux.seccomp.syscalls.socket {"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":${value},"op":"SCMP_CMP_${op}"}]}`;
const DEFAULT_SECCOMP = /^seccomp($| by the deprecated field$|\/(seccomp by default|default seccomp))/;

/** From those of 1.6 besides. */
const MEANT_ON_1_6: readonly Meant[] = [
  ...MEANT,
  {
    of: ANY,
    changes: [['ociVersion', '1.0.2-dev', '1.0.2']],
    why: 'The lowest release that has all of the spec. The plugin names the version of the library that it was built with.',
  },
  {
    of: POD,
    changes: [['annotations.io.kubernetes.cri.podsandbox.image-name', NONE, 'registry.k8s.io/pause:3.6']],
    why: "2.x tells the runtime which image the pod's first process comes from.",
  },
  {
    of: POD,
    changes: [
      ['linux.maskedPaths./proc/interrupts', NONE, 'true'],
      ['linux.maskedPaths./sys/devices/virtual/powercap', NONE, 'true'],
    ],
    why: '2.x hides them, since they tell a pod what others on the node do (PLATYPUS, keystroke timing).',
  },
  {
    of: POD,
    changes: [
      ['mounts.3', OWN_SHM, MQUEUE],
      ['mounts.4', MQUEUE, SYS],
      ['mounts.5', SYS, mount('/dev/shm', 'bind', SHM, NOW)],
      ['mounts.5', SYS, mount('/dev/shm', 'bind', '/dev/shm', NOW)],
      ['mounts.6', mount('/dev/shm', 'bind', SHM, BEFORE), mount('/etc/resolv.conf', 'bind', RESOLV_CONF, NOW)],
      ['mounts.6', mount('/dev/shm', 'bind', '/dev/shm', BEFORE), mount('/etc/resolv.conf', 'bind', RESOLV_CONF, NOW)],
      ['mounts.7', mount('/etc/resolv.conf', 'bind', RESOLV_CONF, BEFORE), NONE],
    ],
    why: '2.x mounts no tmpfs below the /dev/shm that covers it, and gives the bind mounts what the kernel demands in a user namespace.',
  },
  {
    of: /^privileged( without devices(, all allowed)?)?$/,
    changes: [['mounts.4', MQUEUE, mount('/sys', 'sysfs', 'sysfs', 'nosuid noexec nodev rw')]],
    why: '2.x makes /sys writable in a privileged pod, as it is in its containers.',
  },
  {
    of: 'privileged without devices, all allowed/privileged',
    changes: [['linux.resources.devices.0', '{"allow":false,"access":"rwm"}', '{"allow":true,"access":"rwm"}']],
    why: '1.6 does not know privileged_without_host_devices_all_devices_allowed.',
  },
  {
    of: 'nothing asked/image as the user said it',
    changes: [['annotations.io.kubernetes.cri.image-name', 'registry.k8s.io/specs/app:1', 'app:short']],
    why: '1.6 does not know user_specified_image, which 2.x puts there.',
  },
  {
    of: 'nothing asked/image of a named user',
    changes: [['process.user.additionalGids.0', '10', '50']],
    why: "1.6 gives a user of the image root's groups (10); 2.x gives it its own (50).",
  },
  {
    of: 'nothing asked/image of ids',
    changes: [['process.user.additionalGids.2', '2000', NONE]],
    why: "1.6 adds root's group 2000, which the user of the image is not in.",
  },
  {
    of: DEFAULT_SECCOMP,
    changes: [
      [
        allowed(
          'cachestat|fchmodat2|futex_(requeue|wait|wake)|(get|set|list|remove)xattrat|listmount|statmount|map_shadow_stack|mseal|uretprobe|lsm_(get_self_attr|set_self_attr|list_modules)',
        ),
        NONE,
        'true',
      ],
      [allowed('set_mempolicy_home_node'), NONE, 'true'],
    ],
    why: "The default profile is 2.x's, which knows newer kernels. A runtime passes over names that its library does not know.",
  },
  {
    of: DEFAULT_SECCOMP,
    changes: [[allowed('name_to_handle_at|process_vm_readv|process_vm_writev'), NONE, 'true']],
    why: '2.x allows what the kernel itself guards: opening a handle needs a capability, and memory of other processes ptrace access (since Linux 4.8).',
  },
  {
    of: DEFAULT_SECCOMP,
    changes: [
      [allowed('io_uring_(enter|register|setup)'), 'true', NONE],
      [allowed('socket'), 'true', NONE],
      [socketRule(38, 'LT'), NONE, 'true'],
      [socketRule(39, 'EQ'), NONE, 'true'],
      ...[41, 42, 43, 44, 45].map((family) => [socketRule(family, 'EQ'), NONE, 'true'] as const),
    ],
    why: '2.x denies what containers have broken out by: io_uring, and sockets of AF_ALG (38) and AF_VSOCK (40).',
  },
  {
    of: 'seccomp by a file',
    changes: [
      ['refused', 'UNKNOWN', NONE],
      [/^(?!refused$)/, NONE, SOME],
    ],
    why: 'runc 1.1.5 starts no pod with a profile that has flags; no runtime is asked here. The same pod is compared with 2.x, and the profile in a container, which is not started, with both.',
  },
];

/** From those of 2.x besides. */
const MEANT_ON_2: readonly Meant[] = [
  ...MEANT,
  {
    of: /^(?!user namespace\/)/,
    changes: [['ociVersion', '1.3.0', '1.0.2']],
    why: 'The lowest release that has all of the spec: crun before 1.14.3 takes no newer one.',
  },
  {
    of: /^user namespace\//,
    changes: [['ociVersion', '1.3.0', '1.1.0']],
    why: 'Mounts with ID mappings came with 1.1.0.',
  },
  {
    of: 'strict supplemental_groups',
    changes: [['process.user.additionalGids.1', NONE, '4000']],
    why: "CRI gives them to the pod's first process, with policy Strict too.",
  },
];

const meant: Readonly<Record<Release, readonly Meant[]>> = { '1.6': MEANT_ON_1_6, '2': MEANT_ON_2 };

describe.each(['1.6', '2'] as const)('the specs that the plugin of containerd %s makes', (release) => {
  it('are those of crisp, but for what differs on purpose', async () => {
    const { host, specs } = JSON.parse(readFileSync(fixture(recordedFile(release)), 'utf8')) as Recorded;
    const ours = await specsOfCrisp(release, host);
    expect(Object.keys(ours).sort()).toEqual(Object.keys(specs).sort());
    expect(unmeant(expanded(specs), ours, meant[release])).toEqual([]);
  });
});
