import {
  type DeepPartial,
  type LinuxSandboxSecurityContext,
  NamespaceMode,
  type NamespaceOption,
  SecurityProfile_ProfileType as ProfileType,
  SupplementalGroupsPolicy,
} from '../../../generated/cri/v1/api';
import { CGROUP, type ContainerCase, HOST_DIR, idOf, type PodCase } from './cases';
import { BASIC, DEVICES, MOUNTS, RESOURCES, SECURITY } from './container-cases';
import { fixture } from './files';

type Security = DeepPartial<LinuxSandboxSecurityContext>;

const PLAIN: ContainerCase = { name: 'plain', config: {} };

/** A pod by its security context; its containers have the same namespaces, as kubelet sends them. */
function pod(
  name: string,
  securityContext: Security,
  containers: readonly ContainerCase[] = [PLAIN],
  more: Partial<PodCase> = {},
): PodCase {
  const { namespaceOptions } = securityContext;
  const inPod = containers.map((each) => (namespaceOptions ? withNamespaces(each, namespaceOptions) : each));
  return { name, config: { linux: { securityContext } }, containers: inPod, ...more };
}

function withNamespaces(each: ContainerCase, namespaceOptions: DeepPartial<NamespaceOption>): ContainerCase {
  const { linux } = each.config;
  const securityContext = { namespaceOptions, ...linux?.securityContext };
  return { ...each, config: { ...each.config, linux: { ...linux, securityContext } } };
}

const secured = (name: string, securityContext: object): ContainerCase => ({
  name,
  config: { linux: { securityContext } },
});

const { NODE, CONTAINER, POD, TARGET } = NamespaceMode;

const NAMESPACES: readonly PodCase[] = [
  pod('network of the host', { namespaceOptions: { network: NODE } }),
  pod('IPC of the host', { namespaceOptions: { ipc: NODE } }),
  pod('PIDs of the host', { namespaceOptions: { pid: NODE } }),
  pod('all namespaces of the host', { namespaceOptions: { network: NODE, pid: NODE, ipc: NODE } }),
  pod('PIDs shared', { namespaceOptions: { pid: POD } }),
  pod('PIDs for each container', { namespaceOptions: { pid: CONTAINER } }, [
    { ...PLAIN, name: 'running', starts: true },
    secured('PIDs of another', { namespaceOptions: { pid: TARGET, targetId: idOf('running') } }),
  ]),
  pod(
    'user namespace',
    {
      namespaceOptions: {
        pid: CONTAINER,
        usernsOptions: {
          mode: POD,
          uids: [{ hostId: 131_072, containerId: 0, length: 65_536 }],
          gids: [{ hostId: 131_072, containerId: 0, length: 65_536 }],
        },
      },
    },
    [
      PLAIN,
      {
        name: 'mount with shifted ids',
        config: {
          mounts: [
            {
              containerPath: '/a',
              hostPath: `${HOST_DIR}/dir`,
              uidMappings: [{ hostId: 131_072, containerId: 0, length: 65_536 }],
              gidMappings: [{ hostId: 131_072, containerId: 0, length: 65_536 }],
            },
          ],
        },
      },
    ],
    { since: '2' },
  ),
];

const profile = (profileType: ProfileType, localhostRef = '') => ({ profileType, localhostRef });
const OWN_PROFILE = fixture('seccomp.json');

const PROFILES: readonly PodCase[] = [
  pod('seccomp', { seccomp: profile(ProfileType.RuntimeDefault) }, [
    secured('seccomp by default', { seccomp: profile(ProfileType.RuntimeDefault) }),
    secured('seccomp by default, with capabilities', {
      seccomp: profile(ProfileType.RuntimeDefault),
      capabilities: { addCapabilities: ['SYS_ADMIN', 'SYS_PTRACE'], dropCapabilities: ['SYS_CHROOT'] },
    }),
    secured('seccomp by default, with all capabilities', {
      seccomp: profile(ProfileType.RuntimeDefault),
      capabilities: { addCapabilities: ['ALL'] },
    }),
    secured('no seccomp', { seccomp: profile(ProfileType.Unconfined) }),
    secured('seccomp by a file', { seccomp: profile(ProfileType.Localhost, OWN_PROFILE) }),
    secured('seccomp by the deprecated field', { seccompProfilePath: `localhost/${OWN_PROFILE}` }),
    secured('default seccomp by the deprecated field', { seccompProfilePath: 'runtime/default' }),
  ]),
  pod('no seccomp', { seccomp: profile(ProfileType.Unconfined) }, []),
  pod('seccomp by a file', { seccomp: profile(ProfileType.Localhost, OWN_PROFILE) }, []),
  pod('seccomp by the deprecated field', { seccompProfilePath: 'runtime/default' }, []),
  pod('AppArmor', { apparmor: profile(ProfileType.RuntimeDefault) }, [
    secured('no AppArmor', { apparmor: profile(ProfileType.Unconfined) }),
    secured('no AppArmor by the deprecated field', { apparmorProfile: 'unconfined' }),
    secured('AppArmor by a profile', { apparmor: profile(ProfileType.Localhost, 'mine') }),
  ]),
];

const SELINUX = { selinuxOptions: { user: 'u', role: 'r', type: 't', level: 's0:c1,c2' } };

const user = (value: bigint) => ({ value });

const USERS: readonly PodCase[] = [
  pod('run_as_user', { runAsUser: user(1000n) }),
  pod('run_as_user and run_as_group', { runAsUser: user(1000n), runAsGroup: user(3000n) }, []),
  pod('supplemental_groups', { runAsUser: user(1000n), supplementalGroups: [4000n, 50n] }, []),
  pod(
    'strict supplemental_groups',
    { runAsUser: user(1000n), supplementalGroups: [4000n], supplementalGroupsPolicy: SupplementalGroupsPolicy.Strict },
    [],
    { since: '2' },
  ),
  pod('readonly_rootfs', { readonlyRootfs: true }, []),
  pod('SELinux options without SELinux', SELINUX, [secured('SELinux options', SELINUX)]),
];

const PRIVILEGED_CASES: readonly ContainerCase[] = [
  secured('privileged', { privileged: true }),
  secured('privileged, with profiles and paths', {
    privileged: true,
    seccomp: profile(ProfileType.RuntimeDefault),
    maskedPaths: ['/proc/kcore'],
    readonlyPaths: ['/proc/sys'],
    capabilities: { dropCapabilities: ['CHOWN'] },
  }),
  {
    name: 'privileged, with a device',
    config: {
      linux: { securityContext: { privileged: true } },
      devices: [{ containerPath: '/dev/xnull', hostPath: '/dev/null', permissions: 'r' }],
    },
  },
  PLAIN,
];

const ALL_RESOURCES = {
  cpuPeriod: 100_000n,
  cpuQuota: 50_000n,
  cpuShares: 512n,
  cpusetCpus: '0',
  cpusetMems: '0',
  memoryLimitInBytes: 268_435_456n,
  memorySwapLimitInBytes: 536_870_912n,
  oomScoreAdj: 100n,
  hugepageLimits: [{ pageSize: '2MB', limit: 4_194_304n }],
  unified: { 'memory.high': '104857600' },
};

const WHOLE: PodCase = {
  name: 'all that is no security',
  config: {
    metadata: { attempt: 1 },
    hostname: 'web-0',
    logDirectory: '/var/log/pods/specs',
    dnsConfig: { servers: ['10.96.0.10'], searches: ['shop.svc'], options: ['ndots:5'] },
    portMappings: [{ protocol: 1, containerPort: 53, hostPort: 18_053, hostIp: '127.0.0.1' }],
    labels: { app: 'web' },
    annotations: { 'example.org/a': 'of the pod', plain: 'x' },
    linux: {
      cgroupParent: `${CGROUP}/pod1`,
      sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80', 'kernel.shm_rmid_forced': '1' },
      overhead: ALL_RESOURCES,
      resources: ALL_RESOURCES,
    },
  },
  containers: [
    PLAIN,
    { name: 'annotations', config: { annotations: { 'example.org/b': 'of the container', plain: 'y' } } },
  ],
};

/** Every pod, with every container, that specs are recorded of. */
export const POD_CASES: readonly PodCase[] = [
  { name: 'nothing asked', config: {}, containers: [...BASIC, ...MOUNTS, ...DEVICES, ...RESOURCES, ...SECURITY] },
  WHOLE,
  ...NAMESPACES,
  ...PROFILES,
  ...USERS,
  pod('privileged', { privileged: true, namespaceOptions: { network: NODE } }, PRIVILEGED_CASES),
  { ...WHOLE, name: 'annotations for the runtime', handler: 'annotated' },
  pod('privileged without devices', { privileged: true }, PRIVILEGED_CASES.slice(0, 1), { handler: 'deviceless' }),
  pod('privileged without devices, all allowed', { privileged: true }, PRIVILEGED_CASES.slice(0, 1), {
    handler: 'allowing',
  }),
  {
    name: 'a base spec',
    config: {},
    handler: 'based',
    containers: [PLAIN, secured('capabilities', { capabilities: { addCapabilities: ['NET_ADMIN'] } })],
  },
];
