import { ContainerConfig, type DeepPartial, PodSandboxConfig } from '../../../generated/cri/v1/api';
import type { HostFacts } from '../../../src/model/host-facts';
import type { ImageConfig } from '../../../src/model/image';
import type { RuntimeHandler } from '../../../src/model/runtime-handler';
import type { ContainerSpecInput, SandboxSpecInput } from '../../../src/oci/inputs';
import type { OciSettings } from '../../../src/oci/settings';
import { HOST_FACTS } from '../../support/fake-host-facts';

export const settings: OciSettings = {
  disable_apparmor: false,
  restrict_oom_score_adj: false,
  disable_proc_mount: false,
  unset_seccomp_profile: '',
  seccomp_profile_root: '/var/lib/kubelet/seccomp',
  device_ownership_from_security_context: false,
  enable_unprivileged_ports: true,
  enable_unprivileged_icmp: true,
  tolerate_missing_hugetlb_controller: true,
  disable_hugetlb_controller: true,
};

export const facts: HostFacts = HOST_FACTS;

export const handler: RuntimeHandler = {
  name: 'runc',
  runtimeType: 'io.containerd.runc.v2',
  runtimePath: '',
  podsPerShim: 1,
  optionsTable: {},
  systemdCgroup: true,
  snapshotter: 'overlayfs',
  podAnnotations: [],
  containerAnnotations: [],
  privilegedWithoutHostDevices: false,
  privilegedWithoutHostDevicesAllDevicesAllowed: false,
  cgroupWritable: false,
  baseRuntimeSpec: '',
  cniConfDir: '',
  cniMaxConfNum: 1,
  selinuxKvmLabel: false,
  hostProcesses: true,
  infraContainer: 'always',
};

export function imageConfig(config: Partial<ImageConfig> = {}): ImageConfig {
  return {
    user: '',
    env: [],
    entrypoint: ['/app'],
    cmd: [],
    workingDir: '',
    labels: {},
    volumes: [],
    stopSignal: '',
    ...config,
  };
}

export type PartialContainer = DeepPartial<ContainerConfig>;
export type PartialPod = DeepPartial<PodSandboxConfig>;

export function container(config: PartialContainer = {}): ContainerConfig {
  return ContainerConfig.fromPartial({ metadata: { name: 'web' }, ...config });
}

export function pod(config: PartialPod = {}): PodSandboxConfig {
  return PodSandboxConfig.fromPartial({
    metadata: { name: 'pod', namespace: 'ns', uid: 'u-1' },
    hostname: 'pod-host',
    ...config,
  });
}

/** An input for `containerSpec` with nothing asked for; `changes` are laid over it. */
export function containerInput(changes: Partial<ContainerSpecInput> = {}): ContainerSpecInput {
  return {
    id: 'c1',
    sandbox: {
      id: 's1',
      pid: 42,
      files: { hostname: '/s1/hostname', hosts: '/s1/hosts', resolvConf: '/s1/resolv.conf', shm: '/s1/shm' },
    },
    config: container(),
    sandboxConfig: pod(),
    image: { config: imageConfig() },
    imageName: 'docker.io/library/web:1',
    handler,
    facts,
    settings,
    features: { recursiveReadOnlyMounts: true },
    user: { uid: 0, gid: 0, additionalGids: [0] },
    mounts: [],
    volumes: [],
    devices: [],
    labels: { process: '', mount: '' },
    ...changes,
  };
}

/** An input for `containerSpec` whose mounts lie where the request says, on shared mounts. */
export function withRequest(config: PartialContainer, changes: Partial<ContainerSpecInput> = {}): ContainerSpecInput {
  const full = container(config);
  const mounts = full.mounts.map((mount) => ({
    mount,
    source: mount.hostPath || '/image-volume',
    sourcePropagation: 'shared' as const,
  }));
  return containerInput({ config: full, mounts, ...changes });
}

/** An input for `sandboxSpec` with nothing asked for; `changes` are laid over it. */
export function sandboxInput(changes: Partial<SandboxSpecInput> = {}): SandboxSpecInput {
  return {
    id: 's1',
    config: pod({ logDirectory: '/var/log/pods/u-1' }),
    image: { config: imageConfig({ entrypoint: ['/pause'], user: '65535:65535', env: ['PATH=/bin'] }) },
    imageName: 'registry.k8s.io/pause:3.10.1',
    handler,
    facts,
    settings,
    features: { recursiveReadOnlyMounts: false },
    user: { uid: 65535, gid: 65535, additionalGids: [65535] },
    netnsPath: '/var/run/netns/cni-1',
    files: { resolvConf: '/s1/resolv.conf', shm: '/s1/shm' },
    labels: { process: '', mount: '' },
    ...changes,
  };
}

/** What `act` throws; fails the test when it does not. */
export function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
