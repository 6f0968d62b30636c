import type { PodNetwork } from './cni';

export interface PluginOptions {
  readonly version: '1.6' | '2';
  readonly network: PodNetwork;
  readonly certsDir?: string;
  readonly streamPort?: number;
  readonly snapshotter?: string;
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
  };
  const stream = { stream_server_address: '127.0.0.1', stream_server_port: String(options.streamPort ?? 0) };
  const registry = certsDir ? { config_path: certsDir } : {};
  const snapshotter = options.snapshotter ?? 'overlayfs';
  const runc = { runtime_type: 'io.containerd.runc.v2', options: {} };
  if (options.version === '1.6') {
    return {
      'io.containerd.grpc.v1.cri': {
        ...shared,
        ...stream,
        cni: { bin_dir: network.binDirs[0], conf_dir: network.confDir, max_conf_num: 1 },
        registry,
        containerd: { snapshotter, default_runtime_name: 'runc', runtimes: { runc } },
      },
    };
  }
  return {
    'io.containerd.cri.v1.images': { snapshotter, registry },
    'io.containerd.cri.v1.runtime': {
      ...shared,
      cni: { bin_dirs: network.binDirs, conf_dir: network.confDir, max_conf_num: 1 },
      containerd: { default_runtime_name: 'runc', runtimes: { runc } },
    },
    'io.containerd.grpc.v1.cri': stream,
  };
}
