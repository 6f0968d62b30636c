import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, parseConfig } from '../../../src/config/load';
import { ConfigError } from '../../../src/config/setting';

const problemOf = (source: string): string => {
  try {
    parseConfig(source);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'accepted';
};

describe('parseConfig', () => {
  it('answers the defaults for an empty text', () => {
    const config = parseConfig('');
    expect(config).toMatchObject({
      listen: '/run/crisp/crisp.sock',
      drain_exec_sync_io_timeout: 10_000,
      image_pull_progress_timeout: 300_000,
      cni: { bin_dirs: ['/opt/cni/bin', '/usr/lib/cni'], timeout: 90_000 },
      log: { level: 'info', format: 'json' },
    });
    expect(config.containerd.runtimes).toEqual({
      runc: {
        runtime_type: 'io.containerd.runc.v2',
        runtime_path: '',
        pods_per_shim: 1,
        pod_annotations: [],
        container_annotations: [],
        privileged_without_host_devices: false,
        privileged_without_host_devices_all_devices_allowed: false,
        cgroup_writable: false,
        base_runtime_spec: '',
        cni_conf_dir: '',
        cni_max_conf_num: 0,
        snapshotter: '',
        host_processes: 'auto',
        infra_container: 'always',
        selinux_kvm_label: 'auto',
        options: {},
      },
    });
  });

  it('keeps the runtime that is always there when a file adds another', () => {
    const { runtimes } = parseConfig(`
      [containerd.runtimes.kata]
      runtime_type = "io.containerd.kata.v2"
      host_processes = false
      [containerd.runtimes.kata.options]
      ConfigPath = "/etc/kata.toml"
    `).containerd;
    expect(Object.keys(runtimes)).toEqual(['runc', 'kata']);
    expect(runtimes.kata).toMatchObject({
      runtime_type: 'io.containerd.kata.v2',
      host_processes: false,
      options: { ConfigPath: '/etc/kata.toml' },
    });
  });

  it('changes single keys of the runtime that is always there', () => {
    const { runc } = parseConfig('[containerd.runtimes.runc.options]\nSystemdCgroup = true').containerd.runtimes;
    expect(runc).toMatchObject({ runtime_type: 'io.containerd.runc.v2', options: { SystemdCgroup: true } });
  });

  it('lets flags win over the text', () => {
    const config = parseConfig(
      'listen = "/a.sock"\nroot = "/r"\n[containerd]\naddress = "/c.sock"\nsnapshotter = "native"',
      {
        listen: 'unix:///b.sock',
        containerd: '/d.sock',
        state: '/s',
        logLevel: 'debug',
      },
    );
    expect(config).toMatchObject({ listen: '/b.sock', root: '/r', state: '/s', log: { level: 'debug' } });
    expect(config.containerd).toMatchObject({ address: '/d.sock', snapshotter: 'native' });
  });

  it.each([
    ['colour = 1', 'colour: unknown key'],
    ['[containerd]\nsocket = "/x"', 'containerd.socket: unknown key'],
    ['[containerd.runtimes.runc]\nruntime = "x"', 'containerd.runtimes.runc.runtime: unknown key'],
    ['listen = 5', 'listen: must be a string, not the number 5'],
    ['root = "crisp"', 'root: "crisp" is not an absolute path'],
    [
      '[containerd.runtimes.runc]\nhost_processes = "yes"',
      'containerd.runtimes.runc.host_processes: must be true, false or "auto"',
    ],
    ['enable_cdi = "yes"', 'enable_cdi: must be true or false, not the string "yes"'],
    ['stats_collect_period = 0', 'stats_collect_period: must be 1 or more, not 0'],
    ['stats_collect_period = 1.5', 'stats_collect_period: must be a whole number, not the number 1.5'],
    ['[streaming]\nport = 70000', 'streaming.port: must be 0 to 65535, not 70000'],
    [
      '[streaming]\nidle_timeout = "4 hours"',
      'streaming.idle_timeout: "4 hours" is not a duration such as "90s" or "1h30m"',
    ],
    ['[streaming]\nidle_timeout = 4', 'streaming.idle_timeout: must be a string, not the number 4'],
    [
      '[streaming]\ntls_cert_file = "/c"',
      'streaming.tls_key_file: a certificate and its key are given together or not at all',
    ],
    [
      '[streaming]\ntls_key_file = "/c"',
      'streaming.tls_cert_file: a certificate and its key are given together or not at all',
    ],
    ['cni = true', 'cni: must be a table, not the boolean true'],
    ['[cni]\nbin_dirs = "/opt"', 'cni.bin_dirs: must be a list of strings, not the string "/opt"'],
    ['[cni]\nbin_dirs = ["/a", "b"]', 'cni.bin_dirs[1]: "b" is not an absolute path'],
    ['[cni]\nip_pref = "ipv5"', 'cni.ip_pref: must be one of ipv4, ipv6, cni'],
    ['[registry]\nconfig_path = "/a:b"', 'registry.config_path: "b" is not an absolute path'],
    ['[containerd]\nnamespace = ""', 'containerd.namespace: must not be empty'],
    ['[containerd]\nruntimes = 1', 'containerd.runtimes: must be a table of tables, not the number 1'],
    ['[containerd.runtimes]\nkata = 1', 'containerd.runtimes.kata: must be a table, not the number 1'],
    ['[containerd.runtimes.runc]\noptions = []', 'containerd.runtimes.runc.options: must be a table, not a list'],
    [
      '[containerd.runtimes.kata]\nsnapshotter = "x"',
      'containerd.runtimes.kata.runtime_type: "" is not a runtime type such as "io.containerd.runc.v2"',
    ],
    [
      '[containerd]\ndefault_runtime_name = "crun"',
      'containerd.default_runtime_name: there is no table [containerd.runtimes.crun]',
    ],
  ])('refuses %j naming the key', (source, problem) => {
    expect(problemOf(source)).toBe(problem);
  });

  it('refuses what is not TOML', () => {
    expect(problemOf('listen = ')).toMatch(/^not TOML: /);
  });

  it('checks what a flag says as it checks the file', () => {
    expect(() => parseConfig('', { logLevel: 'loud' })).toThrow('log.level: must be one of debug, info, warn, error');
    expect(() => parseConfig('containerd = 1', { containerd: '/x' })).toThrow('containerd: must be a table');
  });

  it('shortens paths and drops unix:// from sockets and colons from nothing', () => {
    const config = parseConfig(
      'root = "/a//b/../c/"\n[containerd]\naddress = "unix:///x.sock"\n[registry]\nconfig_path = ""',
    );
    expect([config.root, config.containerd.address, config.registry.config_path]).toEqual(['/a/c', '/x.sock', '']);
  });
});

describe('loadConfig', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'config-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('reads the file that is named', () => {
    const file = join(dir, 'c.toml');
    writeFileSync(file, 'root = "/elsewhere"');
    expect(loadConfig({ file }).root).toBe('/elsewhere');
  });

  it('names the file and the key at fault', () => {
    const file = join(dir, 'c.toml');
    writeFileSync(file, '[log]\ncolour = true');
    expect(() => loadConfig({ file })).toThrow(`${file}: log.colour: unknown key`);
  });

  it('refuses a named file that is not there', () => {
    expect(() => loadConfig({ file: join(dir, 'none.toml') })).toThrow(/^cannot read .*none\.toml: .*ENOENT/);
  });

  it('reads the default file when it exists, and does without when not', () => {
    const defaultFile = join(dir, 'default.toml');
    expect(loadConfig({ defaultFile })).toEqual(parseConfig(''));
    writeFileSync(defaultFile, 'state = "/s"');
    expect(loadConfig({ defaultFile }).state).toBe('/s');
  });

  it('refuses several pods in a shim that cannot have them', () => {
    const table = (type: string): string =>
      `[containerd.runtimes.x]\nruntime_type = "io.containerd.${type}.v2"\npods_per_shim = 4`;
    expect(parseConfig(table('runc')).containerd.runtimes.x?.pods_per_shim).toBe(4);
    expect(() => parseConfig(table('kata'))).toThrow(/^containerd\.runtimes\.x\.pods_per_shim: only/);
  });
});
