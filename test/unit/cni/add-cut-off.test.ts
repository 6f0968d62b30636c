import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../support/daemon/process';
import { ETH0, keepingLogger, never, pod, ScriptedPlugins } from './scripted-plugins';

const NET = { cniVersion: '1.0.0', name: 'net', plugins: [{ type: 'one' }] };

let scripted: ScriptedPlugins;
beforeEach(() => {
  scripted = new ScriptedPlugins();
  scripted.conf('10-net.conflist', NET);
  scripted.plugin('one', { ADD: ETH0 });
});
afterEach(() => scripted.remove());

describe('An ADD whose caller leaves', () => {
  const file = (name: string): string => join(scripted.home, name);
  const started = async (options: Parameters<ScriptedPlugins['networks']>[0] = {}) => {
    const networks = scripted.networks(options);
    await networks.start();
    networks.stop();
    return networks;
  };

  it('comes to its end, so that DEL knows what it answered', async () => {
    const networks = await started();
    scripted.script(
      'one',
      'ADD',
      `touch ${file('begun')}; while [ ! -e ${file('go')} ]; do sleep 0.01; done; echo '${JSON.stringify(ETH0)}'`,
    );
    const caller = new AbortController();
    const adding = networks.add(pod(), caller.signal);
    await until('the plugin runs', 5000, async () => existsSync(file('begun')));
    caller.abort(new Error('the caller has left'));
    writeFileSync(file('go'), '');
    await adding;
    expect(readdirSync(join(scripted.cacheDir, 'results'))).toHaveLength(1);
    await networks.del(pod(), never);
    expect(scripted.calls().at(-1)?.conf.prevResult).toEqual(ETH0);
  });

  it('is killed when it does not end, and has ended before DEL begins', async () => {
    const networks = await started({ addEndsMs: 50 });
    scripted.script(
      'one',
      'ADD',
      `echo $$ > ${file('pid')}; sleep 1000 & echo $! >> ${file('pid')}; touch ${file('begun')}; wait`,
    );
    scripted.script(
      'one',
      'DEL',
      `for pid in $(cat ${file('pid')}); do grep -qs '^State:.[^ZX]' /proc/$pid/status && touch ${file('beside')}; done; true`,
    );
    const caller = new AbortController();
    const adding = networks.add(pod(), caller.signal);
    await until('the plugin runs', 5000, async () => existsSync(file('begun')));
    caller.abort(new Error('the caller has left'));
    await expect(adding).rejects.toThrow('the caller has left');
    await networks.del(pod(), never);
    expect(scripted.order()).toEqual(['ADD one', 'DEL one']);
    expect(existsSync(file('beside'))).toBe(false);
  });

  it('has ended before a server that comes after takes it down', async () => {
    const before = await started();
    const script = `touch ${file('begun')}; while [ ! -e ${file('go')} ]; do sleep 0.01; done; touch ${file('ended')}`;
    scripted.script('one', 'ADD', `${script}; echo '${JSON.stringify(ETH0)}'`);
    const { sandboxId } = pod();
    const isOther = `[ $CNI_CONTAINERID != ${sandboxId} ]`;
    scripted.script('one', 'DEL', `${isOther} || [ -e ${file('ended')} ] || touch ${file('beside')}; true`);
    const adding = before.add(pod(), never);
    await until('the plugin runs', 5000, async () => existsSync(file('begun')));
    const after = await started();
    const deleting = after.del(pod(), never);
    await after.del(pod({ sandboxId: 'b'.repeat(64) }), never); // a DEL that does not wait has run by then
    writeFileSync(file('go'), '');
    await Promise.all([adding, deleting]);
    const calls = scripted.calls().filter(({ id }) => id === sandboxId);
    expect(calls.map(({ command }) => command)).toEqual(['ADD', 'DEL']);
    expect(existsSync(file('beside'))).toBe(false);
  });

  it('is not begun after that', async () => {
    const networks = await started();
    const signal = AbortSignal.abort(new Error('the caller has left'));
    await expect(networks.add(pod(), signal)).rejects.toThrow('the caller has left');
    expect(scripted.order()).toEqual([]);
  });
});

describe('A DEL', () => {
  /** As the bridge plugin does with a chain of iptables that is not there yet. */
  const failsFirst = (): void => {
    const seen = join(scripted.home, 'seen');
    const said = JSON.stringify({ cniVersion: '1.0.0', code: 999, msg: 'Chain CNI-1 does not exist' });
    scripted.script('one', 'DEL', `if [ ! -e ${seen} ]; then touch ${seen}; echo '${said}'; exit 1; fi`);
  };
  const started = async (log = keepingLogger()) => {
    const networks = scripted.networks({ log });
    await networks.start();
    networks.stop();
    return { networks, log };
  };

  it('is tried a second time when the first fails and ADD did not come to its end', async () => {
    const { networks, log } = await started();
    scripted.fail('one', 'ADD', 11, 'no address');
    failsFirst();
    await expect(networks.add(pod(), never)).rejects.toThrow('no address');
    await networks.del(pod(), never);
    expect(scripted.order()).toEqual(['ADD one', 'DEL one', 'DEL one']);
    expect(log.lines.filter((line) => line.startsWith('CNI DEL failed'))).toEqual([]);
  });

  it('is tried so by a server that comes after the one that called ADD', async () => {
    const { networks } = await started();
    failsFirst();
    await networks.del(pod(), never);
    expect(scripted.order()).toEqual(['DEL one', 'DEL one']);
  });

  it('is tried once where ADD had answered', async () => {
    const { networks } = await started();
    await networks.add(pod(), never);
    failsFirst();
    await expect(networks.del(pod(), never)).rejects.toThrow('does not exist');
    expect(scripted.order()).toEqual(['ADD one', 'DEL one']);
  });
});
