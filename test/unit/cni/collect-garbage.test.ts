import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NetworkGates } from '../../../src/cni/gate';
import type { PodNetworksOptions } from '../../../src/cni/pod-networks';
import { ETH0, keepingLogger, never, ownNetns, pod, ScriptedPlugins } from './scripted-plugins';

const NET = { cniVersion: '1.1.0', name: 'net', plugins: [{ type: 'one' }, { type: 'two' }] };
const ADDED = { ...ETH0, cniVersion: '1.1.0' };
const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const GONE = { netnsPath: ownNetns(A) };

describe('Garbage collection of pod networks', () => {
  let scripted: ScriptedPlugins;
  let log: ReturnType<typeof keepingLogger>;
  beforeEach(() => {
    scripted = new ScriptedPlugins();
    scripted.conf('10-net.conflist', NET);
    for (const name of ['one', 'two']) scripted.plugin(name, { ADD: ADDED });
    log = keepingLogger();
  });
  afterEach(() => scripted.remove());

  const started = async (options: Partial<PodNetworksOptions> = {}) => {
    // A plugin may run as long as it likes: what ends it here is something else.
    const networks = scripted.networks({ log, timeoutMs: 3_600_000, ...options });
    await networks.start();
    networks.stop();
    return networks;
  };
  const file = (name: string): string => join(scripted.home, name);
  const until = async (holds: () => boolean): Promise<void> => {
    const end = Date.now() + 20_000;
    while (!holds()) {
      if (Date.now() > end) throw new Error('it did not come to that');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  /** From now on the plugin hangs in this command, its pid in the file `pid`, until there is a file `go`; then it does `last`. */
  const hangs = (plugin: string, command: string, last = ''): void =>
    scripted.script(
      plugin,
      command,
      `echo $$ > ${file('pid.new')}; mv ${file('pid.new')} ${file('pid')}
       until [ -e ${file('go')} ]; do sleep 0.05; done
       ${last}`,
    );
  const isHanging = (): boolean => existsSync(file('pid'));
  const runs = (): boolean => existsSync(`/proc/${readFileSync(file('pid'), 'utf8').trim()}/stat`);

  it('is stopped when a pod has waited two seconds for it, its plugin killed, and nothing of it begun after that', async () => {
    const networks = await started();
    hangs('one', 'GC');
    const gc = networks.gc(() => [A]);
    await until(isHanging);
    await networks.add(pod(), never);
    await gc;
    await until(() => !runs());
    expect(scripted.order()).toEqual(['GC one', 'ADD one', 'ADD two']);
    expect(log.lines.join('\n')).toContain('CNI GC stopped until the next sweep: a pod waits {"network":"net"}');
  }, 30_000);

  it('is left out for a network that is in use for two seconds, and keeps nobody out of it meanwhile', async () => {
    const networks = await started();
    hangs('one', 'ADD');
    const hanging = networks.add(pod(), never);
    await until(isHanging);
    scripted.answer('one', 'ADD', ADDED);
    const gc = networks.gc(() => [A, B]);
    await networks.add(pod({ sandboxId: B }), never);
    await gc;
    expect(scripted.order()).not.toContain('GC one');
    expect(log.lines.join('\n')).toContain('CNI GC skipped until the next sweep: the network is in use');
    writeFileSync(file('go'), '');
    await expect(hanging).rejects.toThrow('no result');
  }, 30_000);

  it('does not run beside a DEL, as the specification demands', async () => {
    const networks = await started();
    await networks.add(pod(), never);
    hangs('one', 'DEL');
    const hanging = networks.del(pod(), never);
    await until(isHanging);
    await networks.gc(() => [A]);
    expect(scripted.order()).not.toContain('GC one');
    writeFileSync(file('go'), '');
    await hanging;
    await networks.gc(() => [A]);
    expect(scripted.order()).toContain('GC one');
  }, 30_000);

  it('ends when its caller leaves: while it waits, and while a plugin runs', async () => {
    const networks = await started();
    hangs('one', 'GC');
    const left = new AbortController();
    const gc = networks.gc(() => [], left.signal);
    await until(isHanging);
    left.abort(new Error('stopping'));
    await expect(gc).rejects.toThrow('stopping');
    await until(() => !runs());
  });

  it('is no reason for a pod to wait longer than its caller does', async () => {
    const networks = await started();
    hangs('one', 'GC');
    const gc = networks.gc(() => []);
    await until(isHanging);
    const left = new AbortController();
    const add = networks.add(pod(), left.signal);
    left.abort(new Error('the caller left'));
    await expect(add).rejects.toThrow('the caller left');
    writeFileSync(file('go'), '');
    await gc;
    expect(scripted.order()).toEqual(['GC one', 'GC two']);
  });

  it('spares a pod that is found again between the look and its DEL', async () => {
    const networks = await started();
    await networks.add(pod(GONE), never);
    const asked: number[] = [];
    await networks.gc(() => (asked.push(1) === 1 ? [] : [A]));
    expect(scripted.order()).toEqual(['ADD one', 'ADD two', 'GC one', 'GC two']);
  });

  it('tells no plugin of a list that lacks a pod whose ADD is under way for another handler', async () => {
    const gates = new NetworkGates(); // both handlers have a network of this name
    const [networks, other] = [await started({ gates }), await started({ gates })];
    hangs('two', 'ADD', `cat ${file('answers/two.ADD')}`);
    const adding = other.add(pod({ sandboxId: B }), never);
    await until(isHanging);
    await networks.gc(() => {
      writeFileSync(file('go'), '');
      return [];
    });
    await adding;
    const told = scripted.calls().filter(({ command }) => command === 'GC');
    const valid = [{ containerID: B, ifname: 'eth0' }];
    expect(told.map(({ conf }) => conf['cni.dev/valid-attachments'])).toEqual(told.map(() => valid));
  });

  describe('with somebody who knows better', () => {
    const refused = async (isOrphan: (id: string) => Promise<boolean>) => {
      const networks = await started();
      await networks.add(pod(GONE), never);
      await networks.add(pod({ netnsPath: ownNetns(B), sandboxId: B }), never);
      scripted.forgetCalls();
      await networks.gc(() => [], never, isOrphan);
      const told = scripted.calls().find(({ command }) => command === 'GC');
      return {
        order: scripted.calls().map(({ command, id }) => `${command} ${id.slice(0, 1)}`.trim()),
        told: told?.conf['cni.dev/valid-attachments'],
        cached: readdirSync(join(scripted.cacheDir, 'results')),
      };
    };
    const SPARED = {
      order: ['DEL b', 'DEL b', 'GC', 'GC'],
      told: [{ containerID: A, ifname: 'eth0' }],
      cached: [`net-${A}-eth0`],
    };

    it('asks right before each DEL, and spares what is not said to be an orphan, also from GC', async () => {
      const asked: string[] = [];
      const found = await refused(async (id) => {
        asked.push(`${id.slice(0, 1)} after ${scripted.order().length} calls`);
        return id !== A;
      });
      expect(found).toEqual(SPARED);
      expect(asked).toEqual(['a after 0 calls', 'b after 0 calls']);
    });

    it('spares what nothing can be said of', async () => {
      const found = await refused(async (id) => {
        if (id === A) throw new Error('containerd does not answer');
        return true;
      });
      expect(found).toEqual(SPARED);
      expect(log.lines.join('\n')).toContain('containerd does not answer');
    });
  });
});
