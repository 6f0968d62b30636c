import {
  duration,
  flag,
  flagOrAuto,
  freeTable,
  type Infer,
  integer,
  oneOf,
  optionalPath,
  path,
  paths,
  type Shape,
  searchPath,
  socket,
  tables,
  text,
  texts,
  word,
} from './setting';

const RUNTIME_TYPE = /^[A-Za-z0-9._-]+(?:\.[A-Za-z0-9._-]+)+$/;

/** One `[containerd.runtimes.<name>]` table: a way to run pods that a RuntimeClass can ask for. */
export const runtimeShape = {
  runtime_type: text('', 'Shim, by containerd’s name for it: `io.containerd.runc.v2`. Required.', (value) =>
    RUNTIME_TYPE.test(value) ? undefined : `"${value}" is not a runtime type such as "io.containerd.runc.v2"`,
  ),
  runtime_path: optionalPath('Shim binary to use instead of the one that the type names.'),
  pods_per_shim: integer(
    1,
    'Pods that share a shim process: less memory, but a shim that dies takes all of its pods with it. Of runc’s shim only.',
    { min: 1, max: 256 },
  ),
  pod_annotations: texts([], 'Globs of pod annotations handed on to the OCI spec.'),
  container_annotations: texts([], 'Globs of container annotations handed on to the OCI spec.'),
  privileged_without_host_devices: flag(false, 'Privileged containers get no host devices.'),
  privileged_without_host_devices_all_devices_allowed: flag(
    false,
    'With privileged_without_host_devices: the device cgroup still allows every device.',
  ),
  cgroup_writable: flag(false, 'Containers see their cgroup mounted read-write.'),
  base_runtime_spec: optionalPath('JSON file with the OCI spec that every spec of this runtime starts from.'),
  cni_conf_dir: optionalPath('CNI configuration of this runtime’s pods; empty: as `cni.conf_dir`.'),
  cni_max_conf_num: integer(0, 'Networks to load from cni_conf_dir; 0: as `cni.max_conf_num`.'),
  snapshotter: text('', 'Snapshotter of this runtime’s containers; empty: as `containerd.snapshotter`.'),
  host_processes: flagOrAuto(
    'Whether containers are processes of this host, each in a cgroup of its own (runc, crun, youki), and not of a virtual machine or another kernel (Kata, gVisor); `auto`: where the shim is runc’s. Figures of other containers are asked of their shim.',
  ),
  infra_container: oneOf(
    ['always', 'auto'],
    'always',
    'Whether a pod has a pause container’s task; `auto`: only where something needs one (a shared PID namespace, a user namespace, a shim other than runc’s).',
  ),
  selinux_kvm_label: oneOf(
    ['auto', 'yes', 'no'],
    'auto',
    'Processes get the SELinux type of virtual machine monitors; `auto`: when the type is Kata’s.',
  ),
  options: freeTable('Options of the shim, in containerd’s words: `BinaryName`, `SystemdCgroup`, `Root`, …'),
} satisfies Shape;

const containerd = {
  address: socket('/run/containerd/containerd.sock', 'Socket of the containerd that runs the containers.'),
  namespace: word('k8s.io', 'containerd namespace of everything Kubernetes owns.'),
  snapshotter: word('overlayfs', 'Snapshotter for container root filesystems.'),
  default_runtime_name: word('runc', 'Runtime of pods that name none.'),
  blockio_config_file: optionalPath('File with the block I/O classes that pods may ask for; read when one does.'),
  ignore_blockio_not_enabled_errors: flag(
    false,
    'Without that file, block I/O classes that pods ask for are ignored; else such containers are refused.',
  ),
  rdt_config_file: optionalPath(
    'The file that the daemon’s own setting of this name is given: the RDT classes that pods may ask for.',
  ),
  ignore_rdt_not_enabled_errors: flag(
    false,
    'Without that file, RDT classes that pods ask for are ignored; else such containers are refused.',
  ),
  runtimes: tables(
    runtimeShape,
    { runc: { runtime_type: 'io.containerd.runc.v2' } },
    'Ways to run pods, one table per handler name. A file adds to these or changes them.',
  ),
} satisfies Shape;

const cni = {
  bin_dirs: paths(['/opt/cni/bin', '/usr/lib/cni'], 'Directories searched for CNI plugins, in order.'),
  conf_dir: path('/etc/cni/net.d', 'Directory of the CNI network configurations; read again when it changes.'),
  max_conf_num: integer(1, 'Networks to load from conf_dir, in the order of their file names; 0: all.'),
  setup_serially: flag(false, 'Networks of one pod are set up one after another, not at once.'),
  ip_pref: oneOf(['ipv4', 'ipv6', 'cni'], 'ipv4', 'Which address is the pod’s first; `cni`: the order of the result.'),
  use_internal_loopback: flag(true, 'The loopback interface is brought up directly, without the loopback plugin.'),
  conf_template: optionalPath('Template from which a network configuration is written when the pod CIDR is known.'),
  timeout: duration('90s', 'Time limit of one plugin call.'),
  cache_dir: path(
    '/var/lib/cni',
    'Where results of ADD are kept, in the format of the reference CNI library. Another runtime needs networks of its own.',
  ),
} satisfies Shape;

const streaming = {
  address: word('127.0.0.1', 'Address on which exec, attach and port-forward are served.'),
  port: integer(0, 'Port of that server; 0: any free one.', { min: 0, max: 65_535 }),
  idle_timeout: duration('4h', 'A stream without traffic is closed after this time.'),
  creation_timeout: duration('30s', 'A client that has not opened all its streams after this time is cut off.'),
  kill_exec_on_disconnect: flag(
    false,
    'A command whose client has left is killed; otherwise it runs on with its stdin ended.',
  ),
  enable_tls: flag(false, 'The server speaks TLS.'),
  tls_cert_file: optionalPath('Certificate in PEM; empty with TLS on: one is made at each start.'),
  tls_key_file: optionalPath('Private key that belongs to the certificate.'),
} satisfies Shape;

/** Every setting there is: key, default, check and a line of documentation. Nothing else knows a key by name. */
export const schema = {
  listen: socket('/run/crisp/crisp.sock', 'Socket on which CRI is served; made with mode 0600.'),
  root: path('/var/lib/crisp', 'What only crisp needs and a reboot must not lose.'),
  state: path('/run/crisp', 'What only crisp needs until the next boot. One server per state directory.'),
  cri_root: path(
    '/var/lib/containerd/io.containerd.grpc.v1.cri',
    'Files of pods and containers, as containerd keeps them.',
  ),
  cri_state: path(
    '/run/containerd/io.containerd.grpc.v1.cri',
    'FIFOs and mounts of pods and containers, until the next boot.',
  ),
  runtime_name: word('containerd', 'Name that Version answers; kubelet and cAdvisor look for `containerd`.'),
  sandbox_image: word(
    'registry.k8s.io/pause:3.10.1',
    'Image of the container that holds a pod’s namespaces; never garbage-collected.',
  ),
  disable_pause_image_pull: flag(false, 'The sandbox image is never pulled: where it is not here, pods are refused.'),
  enable_selinux: flag(false, 'Containers get SELinux labels.'),
  selinux_category_range: integer(1024, 'Categories to choose a pod’s SELinux label from.', { min: 1, max: 1024 }),
  disable_apparmor: flag(false, 'No AppArmor profile is applied, also where the kernel has it.'),
  restrict_oom_score_adj: flag(
    false,
    'OOM scores are never set below our own. Done anyway where the daemon may not lower them.',
  ),
  disable_proc_mount: flag(false, 'The procMount of a security context is ignored.'),
  unset_seccomp_profile: text('', 'Profile of containers that name none; empty: unconfined.'),
  device_ownership_from_security_context: flag(false, 'Devices belong to the container’s user and group.'),
  enable_unprivileged_ports: flag(true, 'Pods with a network of their own may bind every port without a capability.'),
  enable_unprivileged_icmp: flag(true, 'Pods with a network of their own may ping without a capability.'),
  tolerate_missing_hugetlb_controller: flag(true, 'Hugepage limits are dropped where the kernel has no such cgroup.'),
  disable_hugetlb_controller: flag(true, 'Hugepage limits are not applied.'),
  max_container_log_line_size: integer(
    16_384,
    'A longer line of container output is split in the log; -1: only when it would fill its pipe.',
    {
      min: -1,
    },
  ),
  netns_mounts_under_state_dir: flag(
    false,
    'Network namespaces are pinned below the state directory, not in /var/run/netns.',
  ),
  ignore_image_defined_volumes: flag(false, 'Volumes that an image declares are not mounted.'),
  enable_cdi: flag(true, 'Devices can be asked for by their Container Device Interface names.'),
  cdi_spec_dirs: paths(['/etc/cdi', '/var/run/cdi'], 'Directories of CDI specs; later ones win.'),
  drain_exec_sync_io_timeout: duration(
    '10s',
    'How long output is read that children print after the process of Exec or ExecSync ended; 0: to its end.',
  ),
  ignore_deprecation_warnings: texts([], 'Ids of warnings of containerd that Status does not tell.'),
  stats_collect_period: integer(
    10,
    'Seconds between two samples of resource usage while nobody asks. Calls read the figures anew.',
    { min: 1 },
  ),
  image_fs_counts_content: flag(
    false,
    'What images take of the disk has their compressed layers in it; right where both lie on one filesystem.',
  ),
  image_pull_progress_timeout: duration('5m', 'A pull that gets no byte for this long is given up; 0: never.'),
  max_concurrent_downloads: integer(3, 'Layers of one image fetched at once; several images are pulled side by side.', {
    min: 1,
  }),
  concurrent_layer_fetch_buffer: integer(
    0,
    'Bytes; a bigger layer is fetched in parts of this size, as many at once as max_concurrent_downloads allows; 0: never.',
  ),
  image_pull_with_sync_fs: flag(false, 'Each unpacked layer is on the disk before the next; needs containerd 2.'),
  discard_unpacked_layers: flag(false, 'Layers may be collected once they are unpacked.'),
  disable_snapshot_annotations: flag(true, 'Snapshotters are not told which image and layer a snapshot comes from.'),
  seccomp_profile_root: path(
    '/var/lib/kubelet/seccomp',
    'Directory of `localhost/` seccomp profiles named by a relative path.',
  ),
  containerd,
  cni,
  registry: {
    config_path: searchPath(
      '/etc/containerd/certs.d:/etc/docker/certs.d',
      'Directories with a `hosts.toml` per registry; read afresh on each pull.',
    ),
  },
  image_verifier: {
    bin_dir: path('/opt/containerd/image-verifier/bin', 'Programs that must all allow an image before it is pulled.'),
    max_verifiers: integer(10, 'The first so many of them by name are asked; -1: all.', { min: -1 }),
    per_verifier_timeout: duration('10s', 'One that does not answer in this time allows nothing.'),
  },
  streaming,
  log: {
    level: oneOf(['debug', 'info', 'warn', 'error'], 'info', 'Least urgent message that is logged.'),
    format: oneOf(['json', 'text'], 'json', 'One JSON object per line, or a line for people.'),
  },
} satisfies Shape;

/** The whole configuration, checked; durations in milliseconds. */
export type Config = Infer<typeof schema>;

/** One table of `containerd.runtimes`. */
export type RuntimeTable = Infer<typeof runtimeShape>;
