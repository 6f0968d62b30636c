import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ETH0, never, pod, ScriptedPlugins } from './scripted-plugins';

const NET = {
  cniVersion: '1.0.0',
  name: 'net',
  plugins: [
    { type: 'one', mtu: 1400 },
    { type: 'two', capabilities: { portMappings: true } },
  ],
};
const PORTS = [{ protocol: 'tcp', hostPort: 8080, containerPort: 80, hostIp: '' }] as const;
const ID = 'a'.repeat(64);

describe('PodNetworks', () => {
  let scripted: ScriptedPlugins;
  beforeEach(() => {
    scripted = new ScriptedPlugins();
    scripted.conf('10-net.conflist', NET);
    scripted.plugin('one', { ADD: ETH0 });
    scripted.plugin('two', { ADD: { ...ETH0, routes: [] } });
  });
  afterEach(() => scripted.remove());

  const started = async (options: Parameters<ScriptedPlugins['networks']>[0] = {}) => {
    const networks = scripted.networks(options);
    await networks.start();
    networks.stop(); // what is there was read; tests do not wait for changes
    return networks;
  };
  const cached = (): string[] => {
    try {
      return readdirSync(join(scripted.cacheDir, 'results')).sort();
    } catch {
      return [];
    }
  };

  describe('add', () => {
    it('calls each plugin with what the one before it answered, and answers the last result', async () => {
      const networks = await started();
      const result = await networks.add(pod({ portMappings: [...PORTS] }), never);
      expect(result).toMatchObject({ ip: '10.1.0.2', additionalIps: [], cniResult: { DNS: [{}], Routes: null } });
      const args = `IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=${ID};K8S_POD_UID=1-2-3`;
      const call = { command: 'ADD', id: ID, netns: '/run/netns/a', ifName: 'eth0', args, path: scripted.binDir };
      expect(scripted.calls()).toEqual([
        { ...call, plugin: 'one', conf: { type: 'one', mtu: 1400, name: 'net', cniVersion: '1.0.0' } },
        {
          ...call,
          plugin: 'two',
          conf: {
            type: 'two',
            capabilities: { portMappings: true },
            name: 'net',
            cniVersion: '1.0.0',
            runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '' }] },
            prevResult: ETH0,
          },
        },
      ]);
    });

    it('waits for the first reading of the configuration', async () => {
      const networks = scripted.networks();
      const starting = networks.start();
      expect((await networks.add(pod(), never)).ip).toBe('10.1.0.2');
      await starting;
      networks.stop();
    });

    it('has written the cache when it answers', async () => {
      const networks = await started();
      await networks.add(pod(), never);
      expect(cached()).toEqual([`net-${ID}-eth0`]);
      const entry = JSON.parse(readFileSync(join(scripted.cacheDir, 'results', `net-${ID}-eth0`), 'utf8'));
      expect(JSON.parse(Buffer.from(entry.config, 'base64').toString())).toEqual(NET);
      expect(entry).toMatchObject({ result: { ...ETH0, routes: [] }, netns: '/run/netns/a' });
    });

    it('converts what a plugin of an older version answers for the next one', async () => {
      scripted.answer('one', 'ADD', { cniVersion: '0.2.0', ip4: { ip: '10.1.0.9/24' } });
      await (await started()).add(pod(), never);
      expect(scripted.calls()[1]?.conf.prevResult).toEqual({
        cniVersion: '1.0.0',
        ips: [{ address: '10.1.0.9/24' }],
        dns: {},
      });
    });

    it('attaches to all networks, and each by its own interface', async () => {
      scripted.conf('20-more.conflist', { cniVersion: '1.0.0', name: 'more', plugins: [{ type: 'three' }] });
      scripted.plugin('three', { ADD: { ...ETH0, interfaces: [{ name: 'eth1' }], ips: [] } });
      const networks = await started({ maxConfNum: 0, setupSerially: true });
      await networks.add(pod(), never);
      expect(scripted.calls().map(({ plugin, ifName }) => `${plugin} ${ifName}`)).toEqual([
        'one eth0',
        'two eth0',
        'three eth1',
      ]);
      expect(cached()).toEqual([`more-${ID}-eth1`, `net-${ID}-eth0`]);
    });

    it('brings the loopback up itself, or by the plugin on lo', async () => {
      const up: string[] = [];
      await (await started({ bringLoopbackUp: async (path) => void up.push(path) })).add(pod(), never);
      expect([up, scripted.order()]).toEqual([['/run/netns/a'], ['ADD one', 'ADD two']]);
      scripted.forgetCalls();
      scripted.plugin('loopback', {
        ADD: {
          cniVersion: '0.3.1',
          interfaces: [{ name: 'lo' }],
          ips: [{ version: '', interface: 0, address: '127.0.0.1/8' }],
        },
      });
      const result = await (await started({ useInternalLoopback: false, setupSerially: true })).add(pod(), never);
      expect(scripted.order()).toEqual(['ADD loopback', 'ADD one', 'ADD two']);
      expect(cached()).toEqual([`cni-loopback-${ID}-lo`, `net-${ID}-eth0`]);
      expect(result).toMatchObject({
        ip: '10.1.0.2',
        cniResult: { Interfaces: { lo: { IPConfigs: [{ IP: '127.0.0.1', Gateway: '' }] } }, DNS: [{}, {}] },
      });
    });

    it.each([
      ['gave no address', { cniVersion: '1.0.0' }, 'the pod network gave interface eth0 no address'],
      ['printed nothing', '', 'CNI ADD of plugin two: it printed no result'],
      [
        'answered in an unknown version',
        { cniVersion: '3.0.0' },
        'the result is in CNI version 3.0.0, which is not known',
      ],
    ])('fails when the last plugin %s', async (_name, answer, message) => {
      scripted.answer('two', 'ADD', answer);
      await expect((await started()).add(pod(), never)).rejects.toThrow(message);
    });

    it('says which versions a plugin supports when it is not that of the configuration', async () => {
      scripted.answer('two', 'VERSION', { supportedVersions: ['0.3.1', '0.4.0'] });
      await expect((await started()).add(pod(), never)).rejects.toThrow(
        'network net is in CNI version 1.0.0, which plugin two does not support (it supports 0.3.1, 0.4.0)',
      );
      expect(scripted.calls()).toEqual([]);
    });

    it('calls no plugin for a pod whose arguments cannot be made, and its del neither', async () => {
      const networks = await started();
      const bad = pod({ annotations: { 'kubernetes.io/ingress-bandwidth': 'fast' } });
      await expect(networks.add(bad, never)).rejects.toThrow('is not a quantity');
      await expect(networks.add(pod({ namespace: 'a;b' }), never)).rejects.toThrow('metadata.namespace');
      await networks.del(bad, never);
      expect(scripted.calls()).toEqual([]);
    });

    it('refuses while there is no configuration, in the words that people look for', async () => {
      scripted.conf('10-net.conflist', '{');
      const networks = await started();
      await expect(networks.add(pod(), never)).rejects.toThrow(/^cni plugin not initialized: .*10-net.conflist: /);
      expect(networks.lastLoadStatus()).toMatch(/^cni config load failed: .*10-net.conflist/);
    });
  });

  describe('del', () => {
    it('calls the plugins in reverse with the cached result, and forgets the attachment', async () => {
      const networks = await started();
      await networks.add(pod({ portMappings: [...PORTS] }), never);
      const adds = scripted.calls();
      scripted.forgetCalls();
      await networks.del(pod(), never); // what ADD was given counts, not what is given now
      expect(scripted.calls()).toEqual([
        { ...adds[1], command: 'DEL', conf: { ...adds[1]?.conf, prevResult: { ...ETH0, routes: [] } } },
        { ...adds[0], command: 'DEL', conf: { ...adds[0]?.conf, prevResult: { ...ETH0, routes: [] } } },
      ]);
      expect(cached()).toEqual([]);
    });

    it('uses the configuration of ADD after that was replaced or removed', async () => {
      await (await started()).add(pod(), never);
      scripted.conf('10-net.conflist', { ...NET, name: 'other', plugins: [{ type: 'three' }] });
      scripted.forgetCalls();
      await (await started()).del(pod(), never);
      expect(scripted.order()).toEqual(['DEL two', 'DEL one']);
    });

    it('asks no plugin again for a pod that is off its networks', async () => {
      const networks = await started();
      await networks.add(pod(), never);
      await networks.del(pod(), never);
      scripted.forgetCalls();
      await networks.del(pod({ netnsPath: '' }), never);
      expect(scripted.calls()).toEqual([]);
    });

    it('gives no result to plugins before 0.4.0', async () => {
      scripted.conf('10-net.conflist', { ...NET, cniVersion: '0.3.1' });
      scripted.answer('two', 'ADD', { ...ETH0, cniVersion: '0.3.1' });
      const networks = await started();
      await networks.add(pod(), never);
      scripted.forgetCalls();
      await networks.del(pod(), never);
      expect(scripted.calls().map(({ conf }) => conf.prevResult)).toEqual([undefined, undefined]);
    });

    it('undoes an ADD that failed half-way, with the configuration it began with', async () => {
      scripted.fail('two', 'ADD', 11, 'try again');
      const networks = await started();
      await expect(networks.add(pod(), never)).rejects.toThrow('CNI ADD of plugin two: try again');
      scripted.forgetCalls();
      await networks.del(pod(), never);
      expect(scripted.order()).toEqual(['DEL two', 'DEL one']);
      expect(cached()).toEqual([]);
    });

    it('undoes an ADD that was cut off by a crash with the configuration there is', async () => {
      await (await started()).del(pod({ netnsPath: '' }), never);
      expect(scripted.calls().map(({ command, plugin, netns }) => [command, plugin, netns])).toEqual([
        ['DEL', 'two', ''],
        ['DEL', 'one', ''],
      ]);
    });

    it('has nothing to do when nothing is cached and there is no configuration', async () => {
      scripted.conf('10-net.conflist', '{');
      await (await started()).del(pod(), never);
      expect(scripted.calls()).toEqual([]);
    });

    it('takes a cache file without a configuration by the network’s name', async () => {
      const networks = await started();
      await networks.add(pod(), never);
      const file = join(scripted.cacheDir, 'results', `net-${ID}-eth0`);
      writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), config: '' }));
      scripted.forgetCalls();
      await networks.del(pod(), never);
      expect(scripted.order()).toEqual(['DEL two', 'DEL one']);
      expect(cached()).toEqual([]);
    });

    it.each([
      ['', 'open : no such file or directory'],
      ['', 'link not found'],
      ['/run/netns/a', 'container not found'],
    ])('with namespace %j takes "%s" for done', async (netnsPath, message) => {
      const networks = await started();
      await networks.add(pod(), never);
      scripted.fail('two', 'DEL', 999, message);
      await networks.del(pod({ netnsPath }), never);
      expect(cached()).toEqual([]);
    });

    it('tries all networks, keeps what failed, and finishes it the next time', async () => {
      scripted.conf('20-more.conflist', { cniVersion: '1.0.0', name: 'more', plugins: [{ type: 'three' }] });
      scripted.plugin('three', { ADD: { cniVersion: '1.0.0' } });
      const networks = await started({ maxConfNum: 0 });
      await networks.add(pod(), never);
      scripted.fail('three', 'DEL', 5, 'agent is away');
      await expect(networks.del(pod(), never)).rejects.toThrow('CNI DEL of plugin three: agent is away');
      expect(cached()).toEqual([`more-${ID}-eth1`]);
      scripted.forgetCalls();
      scripted.script('three', 'DEL', 'true');
      await networks.del(pod(), never);
      expect(scripted.order()).toEqual(['DEL three']);
      expect(cached()).toEqual([]);
    });

    it('fails when the plugin is gone', async () => {
      const networks = await started();
      await networks.add(pod(), never);
      await expect(scripted.networks({ binDirs: ['/nowhere'] }).del(pod(), never)).rejects.toThrow(
        'CNI plugin two is in none of /nowhere',
      );
      expect(cached()).toEqual([`net-${ID}-eth0`]);
    });
  });
});
