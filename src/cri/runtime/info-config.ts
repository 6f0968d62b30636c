import type { Config } from '../../config/schema';

/** The configuration under the keys by which containerd's CRI tells its own: kubeadm, crictl and agents read some. */
export function infoConfig(config: Config): Record<string, unknown> {
  const { containerd, cni, streaming } = config;
  const runtimes = Object.entries(containerd.runtimes).map(([name, runtime]) => [
    name,
    {
      runtimeType: runtime.runtime_type,
      runtimePath: runtime.runtime_path,
      PodAnnotations: runtime.pod_annotations,
      ContainerAnnotations: runtime.container_annotations,
      options: runtime.options,
      privileged_without_host_devices: runtime.privileged_without_host_devices,
      baseRuntimeSpec: runtime.base_runtime_spec,
      cniConfDir: runtime.cni_conf_dir,
      cniMaxConfNum: runtime.cni_max_conf_num,
      snapshotter: runtime.snapshotter,
    },
  ]);
  return {
    sandboxImage: config.sandbox_image,
    containerd: {
      snapshotter: containerd.snapshotter,
      defaultRuntimeName: containerd.default_runtime_name,
      runtimes: Object.fromEntries(runtimes),
    },
    cni: {
      binDirs: cni.bin_dirs,
      confDir: cni.conf_dir,
      maxConfNum: cni.max_conf_num,
      setupSerially: cni.setup_serially,
      confTemplate: cni.conf_template,
      ipPref: cni.ip_pref,
      useInternalLoopback: cni.use_internal_loopback,
    },
    registry: { configPath: config.registry.config_path },
    streamServerAddress: streaming.address,
    streamServerPort: String(streaming.port),
    enableSelinux: config.enable_selinux,
    disableApparmor: config.disable_apparmor,
    restrictOOMScoreAdj: config.restrict_oom_score_adj,
    maxContainerLogLineSize: config.max_container_log_line_size,
    enableCDI: config.enable_cdi,
    cdiSpecDirs: config.cdi_spec_dirs,
    containerdEndpoint: containerd.address,
    rootDir: config.cri_root,
    stateDir: config.cri_state,
  };
}
