/** How one key of containerd's configuration becomes one of ours. */
export interface Rule {
  /** Path of the key in its section. */
  readonly from: string;
  /** Path of ours; left out: there is nothing to set. */
  readonly to?: string;
  /** What ours is set to, when not to the same; undefined: nothing is. */
  readonly value?: (raw: unknown) => unknown;
  /** What to say about it; undefined: nothing. */
  readonly warn?: (raw: unknown) => string | undefined;
}

const same = (names: string): Rule[] => names.split(' ').map((name) => ({ from: name, to: name }));
/** Ours, unless it is what containerd has by default and crisp, on purpose, has not. */
const unless = (usual: unknown) => (raw: unknown) => (JSON.stringify(raw) === JSON.stringify(usual) ? undefined : raw);
const whenTrue = (problem: string) => (raw: unknown) => (raw === true ? problem : undefined);
const nothing = (names: string): Rule[] => names.split(' ').map((from) => ({ from }));

const CRI_DIR = 'io.containerd.grpc.v1.cri';
const LEVELS: ReadonlyMap<unknown, string> = new Map([
  ['trace', 'debug'],
  ['fatal', 'error'],
  ['panic', 'error'],
]);

/** Keys of the daemon itself, at the top of its file. */
export const DAEMON_RULES: readonly Rule[] = [
  { from: 'root', to: 'cri_root', value: (raw) => `${String(raw)}/${CRI_DIR}` },
  { from: 'state', to: 'cri_state', value: (raw) => `${String(raw)}/${CRI_DIR}` },
  { from: 'grpc.address', to: 'containerd.address' },
  { from: 'debug.level', to: 'log.level', value: (raw) => LEVELS.get(raw) ?? raw },
];

/** Other plugins of the daemon that crisp takes over from, or must know of. Their other keys are the daemon's business. */
export const PLUGIN_RULES: Readonly<Record<string, readonly Rule[]>> = {
  'io.containerd.server.v1.grpc': [{ from: 'address', to: 'containerd.address' }],
  'io.containerd.service.v1.tasks-service': [
    { from: 'blockio_config_file', to: 'containerd.blockio_config_file' },
    { from: 'rdt_config_file', to: 'containerd.rdt_config_file' },
  ],
  'io.containerd.image-verifier.v1.bindir': [
    { from: 'bin_dir', to: 'image_verifier.bin_dir' },
    { from: 'max_verifiers', to: 'image_verifier.max_verifiers' },
    { from: 'per_verifier_timeout', to: 'image_verifier.per_verifier_timeout' },
  ],
};

const USUAL_BIN_DIR = '/opt/cni/bin';

/** Keys of the CRI's own sections: of the one that version 2 has, and of the three it became. */
export const SECTION_RULES: readonly Rule[] = [
  ...same('sandbox_image disable_pause_image_pull enable_selinux disable_apparmor restrict_oom_score_adj'),
  ...same('disable_proc_mount unset_seccomp_profile device_ownership_from_security_context'),
  ...same('enable_unprivileged_ports enable_unprivileged_icmp tolerate_missing_hugetlb_controller'),
  ...same('disable_hugetlb_controller max_container_log_line_size netns_mounts_under_state_dir'),
  ...same('ignore_image_defined_volumes enable_cdi cdi_spec_dirs ignore_deprecation_warnings'),
  ...same('image_pull_progress_timeout image_pull_with_sync_fs max_concurrent_downloads'),
  ...same('concurrent_layer_fetch_buffer discard_unpacked_layers disable_snapshot_annotations'),
  ...same('containerd.snapshotter containerd.default_runtime_name'),
  ...same('containerd.ignore_blockio_not_enabled_errors containerd.ignore_rdt_not_enabled_errors'),
  ...same('cni.conf_dir cni.max_conf_num cni.setup_serially cni.conf_template cni.ip_pref'),
  ...nothing('disable_tcp_service use_local_image_pull enable_criu'),
  { from: 'selinux_category_range', to: 'selinux_category_range', value: unless(0) },
  // For ever, as containerd has it, leaks a process for each probe that leaves a child behind.
  { from: 'drain_exec_sync_io_timeout', to: 'drain_exec_sync_io_timeout', value: unless('0s') },
  {
    from: 'stats_collect_period',
    to: 'stats_collect_period',
    value: (raw) => (typeof raw === 'string' ? undefined : raw),
    warn: (raw) =>
      typeof raw === 'string' ? 'left out: one period is for everything, that of the images section' : undefined,
  },
  { from: 'stats_retention_period', warn: () => 'has no counterpart: a rate is taken over the last two samples' },
  { from: 'snapshotter', to: 'containerd.snapshotter' },
  { from: 'containerd.discard_unpacked_layers', to: 'discard_unpacked_layers' },
  { from: 'containerd.disable_snapshot_annotations', to: 'disable_snapshot_annotations' },
  { from: 'containerd.no_pivot', warn: whenTrue('set NoPivotRoot in the options of the runtime') },
  { from: 'cni.bin_dir', to: 'cni.bin_dirs', value: (raw) => (raw === USUAL_BIN_DIR ? undefined : [raw]) },
  { from: 'cni.bin_dirs', to: 'cni.bin_dirs', value: unless([USUAL_BIN_DIR]) },
  { from: 'cni.use_internal_loopback', to: 'cni.use_internal_loopback', value: unless(false) },
  {
    from: 'image_decryption.key_model',
    warn: (raw) => (raw === 'node' ? undefined : 'encrypted layers are left to the stream processors of containerd'),
  },
  { from: 'enable_experimental_restore_via_create', warn: whenTrue('checkpoints are not restored') },
  { from: 'stream_server_address', to: 'streaming.address' },
  { from: 'stream_server_port', to: 'streaming.port', value: Number },
  { from: 'stream_idle_timeout', to: 'streaming.idle_timeout' },
  { from: 'enable_tls_streaming', to: 'streaming.enable_tls' },
  { from: 'x509_key_pair_streaming.tls_cert_file', to: 'streaming.tls_cert_file' },
  { from: 'x509_key_pair_streaming.tls_key_file', to: 'streaming.tls_key_file' },
  { from: 'systemd_cgroup', warn: whenTrue('set SystemdCgroup in the options of the runtime') },
  { from: 'disable_cgroup', warn: whenTrue('containers always have cgroups') },
];
