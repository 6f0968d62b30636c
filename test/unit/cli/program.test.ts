import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Actions, runCommand } from '../../../src/cli/program';
import { configDocs, defaultToml } from '../../../src/config/render';

interface Ran {
  code: number;
  out: string;
  err: string;
  served?: unknown;
  handedOver?: unknown;
  smoked?: unknown;
  pulled?: unknown;
  removed?: unknown;
}

async function run(
  args: string[],
  results: { serve?: number; smoke?: number; containerd?: string } = {},
): Promise<Ran> {
  const ran: Ran = { code: -1, out: '', err: '' };
  const actions: Actions = {
    version: '1.2.3',
    serve: async (config) => {
      ran.served = config;
      return results.serve ?? 0;
    },
    handOver: async (config) => {
      ran.handedOver = config;
      return 0;
    },
    smoke: async (smokeArgs) => {
      ran.smoked = smokeArgs;
      return results.smoke ?? 0;
    },
    pull: async (pullArgs) => {
      ran.pulled = pullArgs;
      return 0;
    },
    removePods: async (removeArgs) => {
      ran.removed = removeArgs;
      return 0;
    },
    containerdConfig: async () => {
      if (results.containerd === undefined) throw new Error('containerd: not found');
      return results.containerd;
    },
    out: (text) => {
      ran.out += text;
    },
    err: (text) => {
      ran.err += text;
    },
  };
  ran.code = await runCommand(args, actions);
  return ran;
}

/** What containerd 2 prints on a node where `kind load` works. */
const FITTING = `version = 3
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"
`;

describe('crisp', () => {
  let dir = '';
  const file = (text: string): string => {
    const name = join(dir, 'crisp.toml');
    writeFileSync(name, text);
    return name;
  };
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'cli-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('hands pods over with the same configuration as serve, and logs what is wrong only', async () => {
    const { code, handedOver, served } = await run([
      'handover',
      '--config',
      file('state = "/s"'),
      '--containerd',
      '/c',
    ]);
    expect({ code, served }).toEqual({ code: 0, served: undefined });
    expect(handedOver).toMatchObject({ state: '/s', containerd: { address: '/c' }, log: { level: 'warn' } });
  });

  it('prints what a configuration of containerd becomes, and says what it leaves out', async () => {
    const source = file(
      'version = 2\n[plugins."io.containerd.grpc.v1.cri"]\nsandbox_image = "pause:1"\nunheard_of = 1\n',
    );
    const { code, out, err } = await run(['config', 'convert', source]);
    expect(code).toBe(0);
    expect(out).toContain('\nsandbox_image = "pause:1"\n');
    expect(err).toBe('crisp: plugins."io.containerd.grpc.v1.cri".unheard_of: unknown key, left out\n');
  });

  it.each([
    ['is not there', () => join(dir, 'absent'), 'cannot read'],
    ['is no TOML', () => file('= 1'), 'not TOML'],
  ])('refuses to convert a file that %s', async (_what, path, problem) => {
    const { code, out, err } = await run(['config', 'convert', path()]);
    expect([code, out]).toEqual([78, '']);
    expect(err).toContain(problem);
  });

  it('prints its version', async () => {
    expect(await run(['version'])).toEqual({ code: 0, out: 'crisp 1.2.3\n', err: '' });
  });

  it('serves with the configuration of flags and file', async () => {
    const config = file('root = "/from-file"\nstate = "/from-file"');
    const flags = ['--state', '/flag', '--containerd', '/c.sock', '--listen', '/l.sock', '--log-level', 'warn'];
    const ran = await run(['serve', '--config', config, ...flags], { serve: 3 });
    expect(ran).toMatchObject({ code: 3, out: '', err: '' });
    expect(ran.served).toMatchObject({
      root: '/from-file',
      state: '/flag',
      listen: '/l.sock',
      log: { level: 'warn' },
      containerd: { address: '/c.sock' },
    });
  });

  it('refuses to serve with a bad configuration, naming file and key', async () => {
    const config = file('[cni]\nplugin_dir = "/x"');
    const ran = await run(['serve', '--config', config]);
    expect(ran).toEqual({ code: 78, out: '', err: `crisp: ${config}: cni.plugin_dir: unknown key\n` });
  });

  it('refuses a bad flag', async () => {
    const ran = await run(['serve', '--config', file(''), '--root', 'here']);
    expect(ran).toMatchObject({ code: 78, err: expect.stringContaining('root: "here" is not an absolute path') });
    expect(ran.served).toBeUndefined();
  });

  it('prints the default configuration and the reference', async () => {
    expect(await run(['config', 'default'])).toEqual({ code: 0, out: defaultToml(), err: '' });
    expect(await run(['config', 'docs'])).toEqual({ code: 0, out: configDocs(), err: '' });
  });

  it('checks a configuration', async () => {
    const good = file('root = "/r"');
    const only = '--no-containerd-config';
    expect(await run(['config', 'check', '--config', good, only])).toEqual({ code: 0, out: `${good}: ok\n`, err: '' });
    const bad = file('root = 1');
    expect(await run(['config', 'check', '--config', bad])).toMatchObject({
      code: 78,
      out: '',
      err: `crisp: ${bad}: root: must be a string, not the number 1\n`,
    });
  });

  it('checks containerd’s configuration too, as containerd prints it or as a file has it', async () => {
    const config = file('');
    const check = ['config', 'check', '--config', config];
    expect(await run(check, { containerd: FITTING })).toEqual({
      code: 0,
      out: `${config}: ok\ncontainerd: ok\n`,
      err: '',
    });
    const dump = join(dir, 'dump.toml');
    writeFileSync(dump, FITTING.replace('overlayfs', 'native'));
    expect(await run([...check, '--containerd-config', dump], { containerd: FITTING })).toEqual({
      code: 0,
      out: `${config}: ok\n`,
      err: expect.stringMatching(
        /^crisp: containerd: plugins\."io\.containerd\.cri\.v1\.images"\.snapshotter: is "native",/,
      ),
    });
    writeFileSync(dump, '= 1');
    expect(await run([...check, '--containerd-config', dump])).toMatchObject({ code: 78 });
  });

  it('says that it could not look at containerd’s configuration', async () => {
    const config = file('');
    expect(await run(['config', 'check', '--config', config])).toEqual({
      code: 0,
      out: `${config}: ok\n`,
      err: 'crisp: containerd’s configuration was not looked at: containerd: not found\n',
    });
    expect(
      await run(['config', 'check', '--config', config, '--containerd-config', join(dir, 'absent')]),
    ).toMatchObject({
      code: 78,
      err: expect.stringContaining('cannot read'),
    });
  });

  it('runs smoke with its defaults or what it is told', async () => {
    expect((await run(['smoke'], { smoke: 1 })).code).toBe(1);
    expect((await run(['smoke'])).smoked).toEqual({
      endpoint: 'unix:///run/crisp/crisp.sock',
      image: 'docker.io/library/busybox:1.37.0',
      runtimeHandler: '',
    });
    const told = await run(['smoke', '--endpoint', '/x.sock', '--image', 'i', '--runtime-handler', 'kata']);
    expect(told.smoked).toEqual({ endpoint: '/x.sock', image: 'i', runtimeHandler: 'kata' });
  });

  it('pulls an image within a time', async () => {
    const told = await run(['pull', 'busybox', '--endpoint', '/x.sock', '--timeout', '1m30s']);
    expect(told).toMatchObject({ code: 0, pulled: { endpoint: '/x.sock', image: 'busybox', timeoutMs: 90_000 } });
    const bad = await run(['pull', 'busybox', '--timeout', 'soon']);
    expect(bad).toEqual({ code: 2, out: '', err: 'crisp: --timeout: "soon" is not a duration such as "90s"\n' });
  });

  it('removes pods only when told that all are meant', async () => {
    const told = await run(['remove-pods', '--all', '--endpoint', '/x.sock']);
    expect(told).toMatchObject({ code: 0, removed: { endpoint: '/x.sock' } });
    const untold = await run(['remove-pods']);
    expect(untold).toMatchObject({ code: 2, err: expect.stringContaining("'--all'") });
    expect(untold.removed).toBeUndefined();
  });

  it('answers 0 to --help and 2 to what it does not know', async () => {
    expect(await run(['--help'])).toMatchObject({ code: 0, err: '', out: expect.stringContaining('serve') });
    expect(await run(['fly'])).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining("unknown command 'fly'"),
    });
    expect(await run(['serve', '--fast'])).toMatchObject({ code: 2, err: expect.stringContaining("'--fast'") });
    expect(await run([])).toMatchObject({ code: 2, err: expect.stringContaining('Usage: crisp') });
  });

  it('passes on what an action throws', async () => {
    const actions: Actions = {
      version: '1',
      serve: () => Promise.reject(new Error('no containerd')),
      handOver: async () => 0,
      smoke: async () => 0,
      pull: async () => 0,
      removePods: async () => 0,
      containerdConfig: async () => '',
      out: () => undefined,
      err: () => undefined,
    };
    await expect(runCommand(['serve', '--config', file('')], actions)).rejects.toThrow('no containerd');
  });
});
