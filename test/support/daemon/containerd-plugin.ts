import type { PodNetwork } from './cni';
import { type ContainerdVersion, isFirst } from './releases';

export interface PluginOptions {
  readonly version: ContainerdVersion;
  readonly network: PodNetwork;
  readonly certsDir?: string;
  readonly streamPort?: number;
  readonly snapshotter?: string;
  /** More of the settings that pods and containers are made by. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Handlers beside `runc`. */
  readonly runtimes?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/**
 * Settings for containerd's own CRI plugin, for runs that learn from it. OOM scores are only lowered where the machine
 * lets us, so it is told not to try.
 */
export function pluginSettings(options: PluginOptions): Record<string, unknown> {
  const { network, certsDir } = options;
  const shared = {
    restrict_oom_score_adj: true,
    netns_mounts_under_state_dir: true,
    tolerate_missing_hugetlb_controller: true,
    enable_unprivileged_ports: true,
    enable_unprivileged_icmp: true,
    ...options.settings,
  };
  const stream = { stream_server_address: '127.0.0.1', stream_server_port: String(options.streamPort ?? 0) };
  const registry = certsDir ? { config_path: certsDir } : {};
  const snapshotter = options.snapshotter ?? 'overlayfs';
  const runtimes = { runc: { runtime_type: 'io.containerd.runc.v2', options: {} }, ...options.runtimes };
  if (isFirst(options.version)) {
    return {
      'io.containerd.grpc.v1.cri': {
        ...shared,
        ...stream,
        cni: { bin_dir: network.binDirs[0], conf_dir: network.confDir, max_conf_num: 1 },
        registry,
        containerd: { snapshotter, default_runtime_name: 'runc', runtimes },
      },
    };
  }
  return {
    'io.containerd.cri.v1.images': { snapshotter, registry },
    'io.containerd.cri.v1.runtime': {
      ...shared,
      cni: { bin_dirs: network.binDirs, conf_dir: network.confDir, max_conf_num: 1 },
      containerd: { default_runtime_name: 'runc', runtimes },
    },
    'io.containerd.grpc.v1.cri': stream,
  };
}
