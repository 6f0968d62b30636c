import { chmodSync, closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_FOREIGN_MARKS } from '../../../src/base/json/foreign-json';
import { noMetrics } from '../../../src/base/metrics';
import { CniError } from '../../../src/cni/cni-error';
import { PluginExec } from '../../../src/cni/plugin-exec';
import { keepingLogger, ScriptedPlugins } from './scripted-plugins';

describe('PluginExec', () => {
  let scripted: ScriptedPlugins;
  let log: ReturnType<typeof keepingLogger>;
  let plugins: PluginExec;
  beforeEach(() => {
    scripted = new ScriptedPlugins();
    log = keepingLogger();
    plugins = new PluginExec({ binDirs: ['/nowhere', scripted.binDir], timeoutMs: 5_000, log, metrics: noMetrics });
  });
  afterEach(() => scripted.remove());

  const add = { command: 'ADD', type: 'p', conf: { name: 'n' } } as const;
  const failure = async (act: Promise<unknown>): Promise<CniError> => {
    const error = await act.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof CniError)) throw new Error(`not a CniError: ${String(error)}`);
    return error;
  };

  it('gives a plugin its configuration, its attachment, and nothing of our environment but PATH', async () => {
    scripted.plugin('p');
    scripted.script(
      'p',
      'ADD',
      'env | grep -v "^PWD=\\|^_=\\|^SHLVL=\\|^OLDPWD=" | sort | sed "s/=.*//" | tr "\\n" " " | sed \'s/.*/{"env":"&"}/\'',
    );
    process.env.CRISP_TEST_SECRET = 'x';
    const attachment = {
      containerId: 'id',
      netnsPath: '/ns',
      ifName: 'eth0',
      cniArgs: [
        ['A', '1'],
        ['B', '2'],
      ] as const,
    };
    const answer = await plugins.call({ ...add, attachment });
    delete process.env.CRISP_TEST_SECRET;
    expect(answer).toEqual({ env: 'CNI_ARGS CNI_COMMAND CNI_CONTAINERID CNI_IFNAME CNI_NETNS CNI_PATH PATH ' });
    expect(scripted.calls()).toEqual([
      {
        plugin: 'p',
        command: 'ADD',
        id: 'id',
        netns: '/ns',
        ifName: 'eth0',
        args: 'A=1;B=2',
        path: `/nowhere:${scripted.binDir}`,
        conf: { name: 'n' },
      },
    ]);
  });

  it('answers nothing when nothing was printed', async () => {
    scripted.plugin('p');
    expect(await plugins.call({ ...add, command: 'DEL' })).toBeUndefined();
  });

  it('tells what a plugin said when it failed, and its code', async () => {
    scripted.plugin('p');
    scripted.script('p', 'ADD', `echo '{"code":7,"msg":"bad","details":"very"}'; exit 3`);
    const error = await failure(plugins.call(add));
    expect([error.message, error.code]).toEqual(['CNI ADD of plugin p: bad: very', 7]);
  });

  it('tells so many characters of what a plugin said, and not more', async () => {
    scripted.plugin('p');
    const prefix = 'CNI ADD of plugin p: ';
    const said = async (length: number): Promise<string> => {
      scripted.script('p', 'ADD', `printf '{"code":7,"msg":"%s"}' ${'x'.repeat(length)}; exit 3`);
      return (await failure(plugins.call(add))).message;
    };
    expect(await said(1024)).toBe(prefix + 'x'.repeat(1024));
    expect(await said(1025)).toBe(prefix + 'x'.repeat(1024));
  });

  it('takes an answer of more values than there may be for none', async () => {
    scripted.plugin('p');
    const answer = (count: number): string => `printf '{"ips":[${'1,'.repeat(count)}1]}'`;
    scripted.script('p', 'ADD', answer(1000));
    await plugins.call(add);
    scripted.script('p', 'ADD', answer(MAX_FOREIGN_MARKS));
    expect((await failure(plugins.call(add))).message).toContain('what it printed is not a JSON object');
  });

  it.each([
    ['echo first >&2; echo last >&2; exit 1', 'CNI ADD of plugin p: last'],
    ['echo "panic: x"; exit 2', 'CNI ADD of plugin p: panic: x'],
    ['exit 9', 'CNI ADD of plugin p: exit code 9'],
    ['kill -SEGV $$', 'CNI ADD of plugin p: exit code 139'],
    ['echo "[1]"', 'CNI ADD of plugin p: what it printed is not a JSON object'],
  ])('after %j says the best it knows', async (lines, message) => {
    scripted.plugin('p');
    scripted.script('p', 'ADD', lines);
    const error = await failure(plugins.call(add));
    expect([error.message, error.code]).toEqual([message, undefined]);
  });

  it('logs what a plugin writes to standard error', async () => {
    scripted.plugin('p');
    scripted.script('p', 'ADD', 'echo careful >&2');
    await plugins.call(add);
    expect(log.lines.filter((line) => !line.startsWith('called '))).toEqual([
      'a CNI plugin wrote {"plugin":"p","command":"ADD","text":"careful"}',
    ]);
  });

  it('kills a plugin that hangs, and what that started', async () => {
    const impatient = new PluginExec({ binDirs: [scripted.binDir], timeoutMs: 150, log, metrics: noMetrics });
    scripted.plugin('p');
    scripted.script('p', 'ADD', 'sleep 600');
    const error = await failure(impatient.call(add));
    expect(error.message).toBe('CNI ADD of plugin p');
    expect(String(error.cause)).toContain('still running after 150 ms');
  });

  it('ends with the reason of the caller’s signal', async () => {
    scripted.plugin('p');
    scripted.script('p', 'ADD', 'sleep 600');
    const controller = new AbortController();
    const reason = new Error('kubelet has gone');
    setTimeout(() => controller.abort(reason), 50);
    await expect(plugins.call(add, controller.signal)).rejects.toBe(reason);
  });

  it.each([
    ['missing', 'CNI plugin missing is in none of /nowhere, '],
    ['../p', '"../p" is not the name of a CNI plugin'],
    ['', '"" is not the name of a CNI plugin'],
  ])('refuses plugin %j', async (type, message) => {
    expect((await failure(plugins.call({ ...add, type }))).message).toContain(message);
  });

  it('waits while a binary is being written', async () => {
    scripted.plugin('p', { ADD: {} });
    // A script is read by its interpreter; only a real program is refused while it is open for writing.
    const program = join(scripted.binDir, 'q');
    writeFileSync(program, require('node:fs').readFileSync('/bin/true'));
    chmodSync(program, 0o755);
    const open = openSync(program, 'r+');
    setTimeout(() => closeSync(open), 250);
    expect(await plugins.call({ ...add, type: 'q' })).toBeUndefined();
  });

  describe('versions', () => {
    it('are asked once, and again when the binary was replaced', async () => {
      scripted.plugin('p');
      scripted.script('p', 'VERSION', 'echo x >> "$home/asked"; echo \'{"supportedVersions":["1.0.0"]}\'');
      expect(await Promise.all([plugins.versions('p'), plugins.versions('p')])).toEqual([['1.0.0'], ['1.0.0']]);
      scripted.script('p', 'VERSION', 'echo \'{"supportedVersions":["1.1.0"]}\'');
      expect(await plugins.versions('p')).toEqual(['1.0.0']);
      writeFileSync(join(scripted.binDir, 'p'), '\n', { flag: 'a' });
      expect(await plugins.versions('p')).toEqual(['1.1.0']);
    });

    it('are unknown when a plugin does not know the command or answers nonsense', async () => {
      scripted.plugin('p');
      scripted.fail('p', 'VERSION', 4, 'unknown CNI_COMMAND: VERSION');
      expect(await plugins.versions('p')).toBeUndefined();
      scripted.plugin('q');
      scripted.answer('q', 'VERSION', '');
      expect(await plugins.versions('q')).toBeUndefined();
    });

    it('are asked again after a failure', async () => {
      scripted.plugin('p');
      scripted.script('p', 'VERSION', 'exit 1');
      await failure(plugins.versions('p'));
      scripted.plugin('p');
      scripted.answer('p', 'VERSION', { supportedVersions: ['0.4.0'] });
      expect(await plugins.versions('p')).toEqual(['0.4.0']);
    });
  });
});
