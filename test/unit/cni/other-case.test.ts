import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadNetworks, networkJson, parseNetworkList } from '../../../src/cni/network-config';
import { ResultCache } from '../../../src/cni/result-cache';
import { ETH0, never, pod, ScriptedPlugins } from './scripted-plugins';

const ID = 'a'.repeat(64);
const PORTS = [{ protocol: 'tcp', hostPort: 8080, containerPort: 80, hostIp: '' }] as const;
const ANSWER = {
  CNIVersion: '1.0.0',
  Interfaces: [{ Name: 'eth0', MAC: '02:00:00:00:00:02', Sandbox: '/run/netns/a', PCIID: '0000:01' }],
  IPs: [{ Interface: 0, Address: '10.1.0.2/24', Gateway: '10.1.0.1' }],
  Routes: [{ Dst: '0.0.0.0/0', GW: '10.1.0.1' }],
  DNS: { NameServers: ['1.1.1.1'], Search: ['s'] },
};

describe('CNI documents with keys of another case', () => {
  let scripted: ScriptedPlugins;
  beforeEach(() => {
    scripted = new ScriptedPlugins();
  });
  afterEach(() => scripted.remove());

  it('are read as the configuration of one plugin', async () => {
    scripted.conf('10-a.conf', { CNIVersion: '0.4.0', Name: 'a', Type: 'bridge', Bridge: 'br0' });
    const [network] = await loadNetworks(scripted.confDir, 1);
    expect(network).toMatchObject({
      name: 'a',
      cniVersion: '0.4.0',
      plugins: [{ type: 'bridge', conf: { type: 'bridge', Bridge: 'br0' } }],
    });
  });

  it('are read as a list, its plugins as well', () => {
    const list = {
      CNIVersion: '1.1.0',
      name: 'a',
      DisableCheck: true,
      disablegc: true,
      Plugins: [
        { TYPE: 'ptp', IPAM: { Type: 'host-local', Subnet: '10.0.0.0/8' }, Capabilities: { portMappings: true } },
      ],
    };
    const network = parseNetworkList(Buffer.from(JSON.stringify(list)));
    expect(network).toMatchObject({ cniVersion: '1.1.0', disableCheck: true, disableGC: true });
    expect(networkJson(network)).toMatchObject({
      Plugins: [{ Network: { type: 'ptp', capabilities: { portMappings: true }, ipam: { type: 'host-local' } } }],
    });
    expect(network.plugins[0]?.conf).toEqual({
      type: 'ptp',
      ipam: { type: 'host-local', Subnet: '10.0.0.0/8' },
      capabilities: { portMappings: true },
    });
  });

  it('name the directory of further plugins', async () => {
    mkdirSync(join(scripted.confDir, 'a'));
    writeFileSync(join(scripted.confDir, 'a', '1.conf'), '{"Type":"tuning"}');
    scripted.conf('10-a.conflist', { cniVersion: '1.1.0', Name: 'a', plugins: [{ type: 'ptp' }] });
    scripted.conf('20-b.conflist', {
      ...{ cniVersion: '1.1.0', name: 'b', plugins: [{ type: 'ptp' }], LoadOnlyInlinedPlugins: true },
    });
    mkdirSync(join(scripted.confDir, 'b'));
    writeFileSync(join(scripted.confDir, 'b', '1.conf'), '{"type":"tuning"}');
    const networks = await loadNetworks(scripted.confDir, 0);
    expect(networks.map(({ plugins }) => plugins.map(({ type }) => type))).toEqual([['ptp', 'tuning'], ['ptp']]);
  });

  it('are read as what a plugin answers, and the next plugin is told the network and what its capabilities get', async () => {
    scripted.conf('10-net.conflist', {
      cniVersion: '1.0.0',
      name: 'net',
      plugins: [
        { type: 'one', Name: 'other' },
        { type: 'two', CAPABILITIES: { portMappings: true, PORTMAPPINGS: true } },
      ],
    });
    scripted.plugin('one', { ADD: ANSWER });
    scripted.plugin('two', { ADD: ANSWER });
    const networks = scripted.networks();
    await networks.start();
    networks.stop();
    const result = await networks.add(pod({ portMappings: [...PORTS] }), never);
    expect(result).toMatchObject({ ip: '10.1.0.2', cniResult: { DNS: [{ nameservers: ['1.1.1.1'], search: ['s'] }] } });
    const [one, two] = scripted.calls();
    expect(one?.conf).toEqual({ type: 'one', name: 'net', cniVersion: '1.0.0' });
    expect(Object.keys(two?.conf.runtimeConfig ?? {})).toEqual(['portMappings']);
    expect(two?.conf.prevResult).toMatchObject({ cniVersion: '1.0.0', ips: [{ address: '10.1.0.2/24' }] });
  });

  it('are read as versions and as errors', async () => {
    scripted.conf('10-net.conf', { cniVersion: '1.0.0', name: 'net', type: 'one' });
    scripted.plugin('one', { ADD: ETH0, VERSION: { CNIVersion: '1.0.0', SupportedVersions: ['0.4.0'] } });
    const networks = scripted.networks();
    await networks.start();
    networks.stop();
    await expect(networks.add(pod({}), never)).rejects.toThrow('it supports 0.4.0');
    scripted.plugin('two', {});
    scripted.script('two', 'ADD', `echo '{"Code":11,"Msg":"bad","Details":"very"}'; exit 1`);
    scripted.conf('10-net.conf', { cniVersion: '1.0.0', name: 'net2', type: 'two' });
    await networks.start();
    networks.stop();
    await expect(networks.add(pod({}), never)).rejects.toThrow('bad: very');
  });

  it('are read as a file of the cache', async () => {
    const cache = new ResultCache(scripted.cacheDir);
    mkdirSync(join(scripted.cacheDir, 'results'), { recursive: true });
    const entry = {
      ...{ Kind: 'cniCacheV1', ContainerID: ID, Config: 'e30=', IfName: 'eth0', NetworkName: 'net' },
      ...{ CNIArgs: [['A', '1']], CapabilityArgs: { Mac: 'x' }, Result: ANSWER },
    };
    writeFileSync(join(scripted.cacheDir, 'results', `net-${ID}-eth0`), JSON.stringify(entry));
    expect(await cache.ofSandbox(ID)).toMatchObject([
      {
        ...{ networkName: 'net', config: Buffer.from('{}'), netnsPath: '/run/netns/a', cniArgs: [['A', '1']] },
        ...{ capabilityArgs: { Mac: 'x' }, result: { cniVersion: '1.0.0' } },
      },
    ]);
  });
});
