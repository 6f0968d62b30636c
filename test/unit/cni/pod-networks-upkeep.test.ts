import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MetricsRegistry } from '../../../src/observability/metrics-registry';
import { ETH0, keepingLogger, never, ownNetns, pod, ScriptedPlugins } from './scripted-plugins';

const NET = {
  cniVersion: '1.0.0',
  name: 'net',
  plugins: [
    { type: 'one', mtu: 1400 },
    { type: 'two', capabilities: { portMappings: true } },
  ],
};
const _PORTS = [{ protocol: 'tcp', hostPort: 8080, containerPort: 80, hostIp: '' }] as const;
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

  it('lets a pod end whose DEL has failed five times, and leaves its attachment to the sweep', async () => {
    const networks = await started();
    await networks.add(pod(), never);
    scripted.fail('one', 'DEL', 100, 'busy');
    for (let n = 1; n < 5; n++) await expect(networks.del(pod(), never)).rejects.toThrow('busy');
    await networks.del(pod(), never);
    scripted.forgetCalls();
    await networks.del(pod(), never); // kubelet stops a pod several times
    expect(scripted.order()).toEqual([]);
    expect(cached()).toEqual([`net-${ID}-eth0`]);

    await networks.gc(() => [], never); // the pod is gone, and the plugin still fails
    expect(cached()).toEqual([`net-${ID}-eth0`]);
    scripted.answer('one', 'DEL', '');
    await networks.gc(() => [], never);
    expect(cached()).toEqual([]);
  });

  it('leaves to the sweep what ADD may have done too, though it never answered', async () => {
    const networks = await started();
    scripted.fail('one', 'ADD', 11, 'no answer');
    await expect(networks.add(pod(), never)).rejects.toThrow('no answer');
    scripted.fail('one', 'DEL', 100, 'busy');
    for (let n = 1; n < 5; n++) await expect(networks.del(pod(), never)).rejects.toThrow('busy');
    await networks.del(pod(), never);
    expect(cached()).toEqual([`net-${ID}-eth0`]);
    scripted.answer('one', 'DEL', '');
    await networks.gc(() => [], never);
    expect(cached()).toEqual([]);
  });

  it('counts and times what it does under the names that containerd has for it', async () => {
    const metrics = new MetricsRegistry();
    const networks = await started({ metrics });
    await networks.add(pod(), never);
    scripted.fail('one', 'DEL', 100, 'busy');
    await expect(networks.del(pod(), never)).rejects.toThrow('busy');
    const counted = metrics
      .render()
      .split('\n')
      .filter((line) => /^containerd_cri_.*(_total|_count)\{/.test(line));
    const name = 'containerd_cri_network_plugin_operations';
    expect(counted).toEqual([
      `${name}_duration_seconds_seconds_count{operation_type="set_up_pod"} 1`,
      `${name}_duration_seconds_seconds_count{operation_type="tear_down_pod"} 1`,
      `${name}_errors_total_total{operation_type="tear_down_pod"} 1`,
      `${name}_total_total{operation_type="set_up_pod"} 1`,
      `${name}_total_total{operation_type="tear_down_pod"} 1`,
    ]);
  });

  describe('check', () => {
    it('asks each plugin with the cached result', async () => {
      const networks = await started();
      await networks.add(pod(), never);
      scripted.forgetCalls();
      await networks.check(pod(), never);
      expect(scripted.calls().map(({ command, plugin, conf }) => [command, plugin, conf.prevResult])).toEqual([
        ['CHECK', 'one', { ...ETH0, routes: [] }],
        ['CHECK', 'two', { ...ETH0, routes: [] }],
      ]);
      scripted.fail('two', 'CHECK', 100, 'the route is gone');
      await expect(networks.check(pod(), never)).rejects.toThrow('CNI CHECK of plugin two: the route is gone');
    });

    it.each([{ disableCheck: true }, { cniVersion: '0.3.1' }])('is left out with %j', async (change) => {
      scripted.conf('10-net.conflist', { ...NET, ...change });
      const networks = await started();
      await networks.add(pod(), never);
      scripted.forgetCalls();
      await networks.check(pod(), never);
      expect(scripted.calls()).toEqual([]);
    });
  });

  describe('status', () => {
    const READY = { ready: true, reason: '', message: '' };

    it('is ready with a configuration, and asks nobody before 1.1.0', async () => {
      expect(await (await started()).status()).toEqual(READY);
      expect(scripted.calls()).toEqual([]);
    });

    it('is not ready without one, in kubelet’s words', async () => {
      scripted.conf('10-net.conflist', '{}');
      expect(await (await started()).status()).toEqual({
        ready: false,
        reason: 'NetworkPluginNotReady',
        message: expect.stringMatching(/^Network plugin returns error: cni plugin not initialized: .*10-net.conflist/),
      });
      scripted.remove();
      expect((await (await started()).status()).message).toBe(
        `Network plugin returns error: cni plugin not initialized: no network config found in ${scripted.confDir}`,
      );
    });

    it('asks the plugins from 1.1.0 on, and not at each call', async () => {
      scripted.conf('10-net.conflist', { ...NET, cniVersion: '1.1.0' });
      const networks = await started();
      expect(await Promise.all([networks.status(), networks.status()])).toEqual([READY, READY]);
      expect(
        scripted.calls().map(({ command, plugin, conf, ifName }) => [command, plugin, conf.cniVersion, ifName]),
      ).toEqual([
        ['STATUS', 'one', '1.1.0', ''],
        ['STATUS', 'two', '1.1.0', ''],
      ]);
    });

    it('says what a plugin says', async () => {
      scripted.conf('10-net.conflist', { ...NET, cniVersion: '1.1.0' });
      scripted.fail('two', 'STATUS', 50, 'the agent is not running');
      expect(await (await started()).status()).toEqual({
        ready: false,
        reason: 'NetworkPluginNotReady',
        message: 'Network plugin returns error: CNI STATUS of plugin two: the agent is not running',
      });
    });
  });

  describe('gc', () => {
    const B = 'b'.repeat(64);

    it('releases the pods that are gone and spares the others', async () => {
      const networks = await started();
      await networks.add(pod(), never);
      await networks.add(pod({ sandboxId: B, netnsPath: ownNetns(B) }), never);
      scripted.forgetCalls();
      await networks.gc(() => [ID]);
      expect(scripted.calls().map(({ command, plugin, id, netns }) => [command, plugin, id, netns])).toEqual([
        ['DEL', 'two', B, ''],
        ['DEL', 'one', B, ''],
      ]);
      expect(cached()).toEqual([`net-${ID}-eth0`]);
    });

    it('leaves what is not a pod’s', async () => {
      const networks = await started();
      await networks.add(pod(), never);
      const file = join(scripted.cacheDir, 'results', `net-${ID}-eth0`);
      writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), cniArgs: undefined }));
      scripted.forgetCalls();
      await networks.gc(() => []);
      expect([scripted.calls(), cached()]).toEqual([[], [`net-${ID}-eth0`]]);
    });

    it('tells plugins of 1.1.0 which attachments are valid, those of living pods without a cache file too', async () => {
      scripted.conf('10-net.conflist', { ...NET, cniVersion: '1.1.0' });
      const networks = await started();
      await networks.add(pod(), never);
      scripted.forgetCalls();
      await networks.gc(() => [ID, B]);
      expect(
        scripted.calls().map(({ command, plugin, conf }) => [command, plugin, conf['cni.dev/valid-attachments']]),
      ).toEqual([
        [
          'GC',
          'one',
          [
            { containerID: ID, ifname: 'eth0' },
            { containerID: B, ifname: 'eth0' },
          ],
        ],
        [
          'GC',
          'two',
          [
            { containerID: ID, ifname: 'eth0' },
            { containerID: B, ifname: 'eth0' },
          ],
        ],
      ]);
    });

    it('leaves out plugins that do not know 1.1.0, and networks that say no', async () => {
      scripted.conf('10-net.conflist', { ...NET, cniVersion: '1.1.0' });
      scripted.answer('one', 'VERSION', { supportedVersions: ['1.0.0'] });
      await (await started()).gc(() => []);
      expect(scripted.order()).toEqual(['GC two']);
      scripted.forgetCalls();
      scripted.conf('10-net.conflist', { ...NET, cniVersion: '1.1.0', disableGC: true });
      await (await started()).gc(() => []);
      expect(scripted.order()).toEqual([]);
    });

    it('goes on after a plugin has failed, and says so', async () => {
      scripted.conf('10-net.conflist', { ...NET, cniVersion: '1.1.0' });
      scripted.answer('two', 'ADD', { ...ETH0, cniVersion: '1.1.0' });
      const log = keepingLogger();
      const networks = await started({ log });
      await networks.add(pod({ netnsPath: ownNetns(ID) }), never);
      scripted.fail('two', 'DEL', 5, 'no');
      scripted.fail('one', 'GC', 5, 'no');
      await networks.gc(() => []);
      expect(log.lines.join('\n')).toMatch(/could not release the network of a pod(.|\n)*CNI GC failed/);
      expect(cached()).toEqual([`net-${ID}-eth0`]);
    });
  });

  it('shows its configuration as the plugin does', async () => {
    const networks = await started();
    expect(networks.lastLoadStatus()).toBe('OK');
    expect(networks.configJson()).toEqual({
      PluginDirs: [scripted.binDir],
      PluginConfDir: scripted.confDir,
      PluginMaxConfNum: 1,
      Prefix: 'eth',
      Networks: [
        {
          Config: {
            Name: 'net',
            CNIVersion: '1.0.0',
            Plugins: [
              { Network: { type: 'one', ipam: {} }, Source: '{"type":"one","mtu":1400}' },
              {
                Network: { type: 'two', capabilities: { portMappings: true }, ipam: {} },
                Source: '{"type":"two","capabilities":{"portMappings":true}}',
              },
            ],
            Source: JSON.stringify(NET),
          },
          IFName: 'eth0',
        },
      ],
    });
  });

  it('writes a configuration from a template and uses it', async () => {
    scripted.conf('10-net.conflist', '{');
    const template = join(scripted.home, 'template');
    writeFileSync(template, '{"name":"made","cniVersion":"1.0.0","plugins":[{"type":"one","subnet":"{{.PodCIDR}}"}]}');
    const networks = await started();
    await networks.writeFromTemplate(template, ['10.9.0.0/24']);
    expect(readFileSync(join(scripted.confDir, '10-containerd-net.conflist'), 'utf8')).toContain('10.9.0.0/24');
    expect((await networks.status()).ready).toBe(true);
    writeFileSync(template, '{');
    await expect(networks.writeFromTemplate(template, [])).rejects.toThrow('does not make a network configuration');
  });
});
