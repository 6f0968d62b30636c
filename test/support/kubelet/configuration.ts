import { readFileSync } from 'node:fs';

/** Members of a KubeletConfiguration. */
export type Settings = Readonly<Record<string, unknown>>;

/** Where one kubelet keeps its things and listens. */
export interface KubeletPlaces {
  /** Folder that all else lies in. */
  readonly home: string;
  /** Ends the names of its pods. */
  readonly nodeName: string;
  /** Its `--root-dir`, where volumes of pods are; a shared mount. */
  readonly root: string;
  /** A manifest put here is a pod. */
  readonly manifests: string;
  readonly podLogs: string;
  readonly plugins: string;
  readonly criSocket: string;
  /** Its cgroup, as a path below each hierarchy. */
  readonly cgroup: string;
  /** Port of its API on 127.0.0.1, TLS. */
  readonly port: number;
  /** Port of its health endpoint on 127.0.0.1, plain HTTP. */
  readonly healthzPort: number;
}

/** A KubeletConfiguration for a node of a test's own. What is not named is as kubelet has it. */
export function kubeletConfiguration(places: KubeletPlaces): Settings {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    staticPodPath: places.manifests,
    podLogsDir: places.podLogs,
    volumePluginDir: places.plugins,
    containerRuntimeEndpoint: `unix://${places.criSocket}`,
    address: '127.0.0.1',
    port: places.port,
    healthzBindAddress: '127.0.0.1',
    healthzPort: places.healthzPort,
    // There is no API server that could be asked who is calling.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    failCgroupV1: false,
    failSwapOn: false,
    // crisp answers the driver too (RuntimeConfig); kubelet takes that one.
    cgroupDriver: 'cgroupfs',
    cgroupRoot: places.cgroup,
    // Where CAP_SYS_RESOURCE is withheld, kubelet may not lower its own score.
    oomScoreAdj: Number(readFileSync('/proc/self/oom_score_adj', 'utf8')),
    makeIPTablesUtilChains: false,
    evictionHard: Object.fromEntries(EVICTION_SIGNALS.map((signal) => [signal, '0%'])),
    imageGCHighThresholdPercent: 100,
    syncFrequency: '2s',
    fileCheckFrequency: '1s',
    crashLoopBackOff: { maxContainerRestartPeriod: '3s' },
    logging: { verbosity: 2 },
  };
}

/** How full the machine's disk is must not decide over a test's pods. */
const EVICTION_SIGNALS = [
  'memory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
];
