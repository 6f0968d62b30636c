import { convertContainerdConfig } from '../../../src/config/convert';
import { parseConfig } from '../../../src/config/load';
import type { Config } from '../../../src/config/schema';
import { ConfigError } from '../../../src/config/setting';

/** The configuration that comes out, as the server would read it, and what was said about it. */
function converted(source: string): { config: Config; toml: string; warnings: readonly string[] } {
  const { toml, warnings } = convertContainerdConfig(source);
  return { config: parseConfig(toml), toml, warnings };
}

/** The lines that are neither empty nor a comment. */
const lines = (toml: string): string[] => toml.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

const V2 = `
version = 2
root = "/data/containerd"
state = "/data/run"
[grpc]
  address = "/data/c.sock"
[debug]
  level = "trace"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "pause:3.6"
  enable_selinux = true
  selinux_category_range = 512
  restrict_oom_score_adj = true
  enable_unprivileged_ports = false
  drain_exec_sync_io_timeout = "0s"
  stats_collect_period = 20
  stream_server_port = "10010"
  stream_idle_timeout = "1h0m0s"
  max_concurrent_downloads = 8
  systemd_cgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/data/cni"
    conf_dir = "/data/net.d"
    max_conf_num = 2
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    default_runtime_name = "kata"
    discard_unpacked_layers = true
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      runtime_root = ""
      cni_max_conf_num = 0
      pod_annotations = []
      base_runtime_spec = "/data/base.json"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = true
        BinaryName = ""
        IoUid = 0
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata]
      runtime_type = "io.containerd.kata.v2"
      privileged_without_host_devices = true
      pod_annotations = ["io.katacontainers.*"]
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.kata.options]
        ConfigPath = "/data/kata.toml"
  [plugins."io.containerd.grpc.v1.cri".x509_key_pair_streaming]
    tls_cert_file = ""
    tls_key_file = ""
`;

describe('convertContainerdConfig', () => {
  it('carries a file of version 2 over', () => {
    const { config, warnings } = converted(V2);
    const usual = parseConfig('');
    const { runc } = usual.containerd.runtimes;
    expect(config).toEqual({
      ...usual,
      cri_root: '/data/containerd/io.containerd.grpc.v1.cri',
      cri_state: '/data/run/io.containerd.grpc.v1.cri',
      sandbox_image: 'pause:3.6',
      enable_selinux: true,
      selinux_category_range: 512,
      restrict_oom_score_adj: true,
      enable_unprivileged_ports: false,
      stats_collect_period: 20,
      max_concurrent_downloads: 8,
      discard_unpacked_layers: true,
      containerd: {
        ...usual.containerd,
        address: '/data/c.sock',
        snapshotter: 'native',
        default_runtime_name: 'kata',
        runtimes: {
          runc: { ...runc, base_runtime_spec: '/data/base.json', options: { SystemdCgroup: true } },
          kata: {
            ...runc,
            runtime_type: 'io.containerd.kata.v2',
            privileged_without_host_devices: true,
            pod_annotations: ['io.katacontainers.*'],
            options: { ConfigPath: '/data/kata.toml' },
          },
        },
      },
      cni: { ...usual.cni, bin_dirs: ['/data/cni'], conf_dir: '/data/net.d', max_conf_num: 2 },
      streaming: { ...usual.streaming, port: 10010, idle_timeout: 3_600_000 },
      log: { ...usual.log, level: 'debug' },
    });
    expect(warnings).toEqual([]);
  });

  it.each([3, 4])('carries a file of version %i over, whose sections are three', (version) => {
    const address = version === 3 ? '[grpc]' : `[plugins.'io.containerd.server.v1.grpc']`;
    const { toml, warnings } = converted(`
      version = ${version}
      ${address}
      address = "/data/c.sock"
      [plugins.'io.containerd.cri.v1.images']
      snapshotter = "stargz"
      disable_snapshot_annotations = false
      stats_collect_period = 30
      concurrent_layer_fetch_buffer = 1048576
      [plugins.'io.containerd.cri.v1.images'.pinned_images]
      sandbox = "pause:3.10.2"
      [plugins.'io.containerd.cri.v1.images'.registry]
      config_path = "/data/certs.d"
      [plugins.'io.containerd.cri.v1.images'.runtime_platforms.wasm]
      snapshotter = "overlayfs"
      [plugins.'io.containerd.cri.v1.runtime']
      ignore_deprecation_warnings = ["io.containerd.deprecation/a"]
      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.wasm]
      runtime_type = "io.containerd.wasmtime.v1"
      sandboxer = "podsandbox"
      io_type = ""
      [plugins.'io.containerd.cri.v1.runtime'.cni]
      bin_dir = ""
      bin_dirs = ["/opt/cni/bin"]
      use_internal_loopback = false
      [plugins.'io.containerd.grpc.v1.cri']
      disable_tcp_service = true
      enable_tls_streaming = true
      [plugins.'io.containerd.service.v1.tasks-service']
      blockio_config_file = "/data/blockio.yaml"
      rdt_config_file = ""
      [plugins.'io.containerd.image-verifier.v1.bindir']
      bin_dir = "/data/verifiers"
      max_verifiers = -1
      per_verifier_timeout = "10s"
    `);
    expect(lines(toml)).toEqual([
      'ignore_deprecation_warnings = [ "io.containerd.deprecation/a" ]',
      'concurrent_layer_fetch_buffer = 1048576',
      'disable_snapshot_annotations = false',
      'stats_collect_period = 30',
      'sandbox_image = "pause:3.10.2"',
      '[containerd]',
      'address = "/data/c.sock"',
      'blockio_config_file = "/data/blockio.yaml"',
      'snapshotter = "stargz"',
      '[containerd.runtimes.wasm]',
      'runtime_type = "io.containerd.wasmtime.v1"',
      'snapshotter = "overlayfs"',
      '[image_verifier]',
      'bin_dir = "/data/verifiers"',
      'max_verifiers = -1',
      '[streaming]',
      'enable_tls = true',
      '[registry]',
      'config_path = "/data/certs.d"',
    ]);
    expect(warnings).toEqual([]);
  });

  it('reads version 1, which calls the plugin by its short name and runc by its older keys', () => {
    const { config } = converted(`
      [plugins.cri]
      sandbox_image = "pause:3.1"
      [plugins.cri.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      runtime_engine = "/usr/bin/crun"
      runtime_root = "/data/crun"
    `);
    expect(config.sandbox_image).toBe('pause:3.1');
    expect(config.containerd.runtimes.runc?.options).toEqual({ BinaryName: '/usr/bin/crun', Root: '/data/crun' });
  });

  it('leaves nothing to say about a file that says nothing', () => {
    expect(converted('version = 3')).toMatchObject({ config: parseConfig(''), warnings: [] });
  });

  const CRI = 'plugins."io.containerd.grpc.v1.cri"';
  const section = (text: string): string => `version = 2\n[${CRI}]\n${text}`;

  it.each([
    [section('no_such_key = 1'), `${CRI}.no_such_key: unknown key, left out`],
    [section('[plugins."io.containerd.grpc.v1.cri".cni]\nx = 1'), `${CRI}.cni.x: unknown key, left out`],
    [section('systemd_cgroup = true'), `${CRI}.systemd_cgroup: set SystemdCgroup in the options of the runtime`],
    [section('stats_collect_period = "30s"'), 'one period is for everything'],
    [section('stats_retention_period = "2m"'), `${CRI}.stats_retention_period: has no counterpart`],
    [
      section('containerd = { runtimes = { a = { runtime_type = "io.a.v1", sandboxer = "shim" } } }'),
      'sandboxer: "shim"',
    ],
    [
      section('containerd = { runtimes = { a = { runtime_type = "io.a.v1", io_type = "streaming" } } }'),
      'io_type: "streaming"',
    ],
    [section('containerd = { runtimes = { a = { runtime_type = "io.a.v1", x = 1 } } }'), 'runtimes.a.x: unknown key'],
    [
      section('containerd = { default_runtime = { runtime_type = "io.a.v1" } }'),
      'give it a name in containerd.runtimes',
    ],
    [section('image_decryption = { key_model = "other" }'), 'stream processors'],
    [
      section('registry = { auths = { "https://r" = { username = "u", password = "secret" } } }'),
      'credentials of https://r',
    ],
    [section('registry = { headers = { A = ["b"] } }'), 'hosts.toml has headers'],
    [section('pinned_images = { other = "x" }'), 'pinned_images.other: left out'],
    [section('runtime_platforms = { a = { platform = "linux/riscv64" } }'), 'runtime_platforms.a.platform'],
    ['version = 2\nimports = ["/etc/containerd/conf.d/*.toml"]', 'imports: /etc/containerd/conf.d/*.toml is not read'],
  ])('warns about %j', (source, warning) => {
    const { warnings, toml } = convertContainerdConfig(source);
    expect(warnings).toEqual([expect.stringContaining(warning)]);
    expect(toml).not.toContain('secret');
  });

  it('says nothing about imports in what containerd has dumped: they are in it', () => {
    const { warnings } = converted(`imports = ["/a/*.toml"]\n[plugins."io.containerd.gc.v1.scheduler"]\nx = 1`);
    expect(warnings).toEqual([]);
  });

  it('turns mirrors and TLS of registries into hosts.toml files, without credentials', () => {
    const { toml, warnings } = converted(
      section(`
        [${CRI}.registry.mirrors."docker.io"]
        endpoint = ["https://mirror.example", "https://registry-1.docker.io"]
        [${CRI}.registry.mirrors."*"]
        endpoint = ["http://cache:5000"]
        [${CRI}.registry.configs."mirror.example".tls]
        ca_file = "/data/ca.pem"
        insecure_skip_verify = false
        [${CRI}.registry.configs."private.example".tls]
        insecure_skip_verify = true
        cert_file = "/data/c.pem"
        key_file = "/data/k.pem"
        [${CRI}.registry.configs."private.example".auth]
        username = "kim"
        password = "secret"
      `),
    );
    const remarks = toml.split('\n').filter((line) => line.startsWith('#') && !line.startsWith('# c') && line !== '#');
    expect(remarks.slice(1)).toEqual([
      '# To be put into docker.io/hosts.toml, in a directory of registry.config_path:',
      '#   [host."https://mirror.example"]',
      '#   ca = "/data/ca.pem"',
      '#   [host."https://registry-1.docker.io"]',
      '# To be put into _default/hosts.toml, in a directory of registry.config_path:',
      '#   [host."http://cache:5000"]',
      '# To be put into mirror.example/hosts.toml, in a directory of registry.config_path:',
      '#   [host."https://mirror.example"]',
      '#   ca = "/data/ca.pem"',
      '# To be put into private.example/hosts.toml, in a directory of registry.config_path:',
      '#   [host."https://private.example"]',
      '#   skip_verify = true',
      '#   client = [ [ "/data/c.pem", "/data/k.pem" ] ]',
    ]);
    expect(warnings).toEqual([expect.stringContaining('credentials of private.example: left out')]);
    expect(toml).not.toContain('secret');
  });

  it('refuses what is not TOML, and what would not be accepted', () => {
    expect(() => convertContainerdConfig('= 1')).toThrow(ConfigError);
    expect(() => convertContainerdConfig(section('stats_collect_period = -1'))).toThrow('stats_collect_period');
  });
});
