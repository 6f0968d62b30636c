import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CniError } from '../../../src/cni/cni-error';
import { chooseIp, podNetworkResult } from '../../../src/cni/pod-result';
import { type CniResult, parseResult } from '../../../src/cni/result';

const nothing: CniResult = { interfaces: [], ips: [], routes: [], dns: {} };

describe('podNetworkResult', () => {
  it('gives an address without an interface to the default one', () => {
    const result = podNetworkResult([{ ...nothing, ips: [{ address: '10.0.0.2/24', gateway: '10.0.0.1' }] }], 'ipv4');
    expect(result).toEqual({
      ip: '10.0.0.2',
      additionalIps: [],
      cniResult: {
        Interfaces: { eth0: { IPConfigs: [{ IP: '10.0.0.2', Gateway: '10.0.0.1' }], Mac: '', Sandbox: '' } },
        DNS: [{}],
        Routes: null,
      },
    });
  });

  it('joins the results of all networks, and takes the addresses of eth0 only', () => {
    const one = (name: string, address: string): CniResult => ({
      ...nothing,
      interfaces: [{ name, mac: name, sandbox: '/ns', socketPath: '', pciID: name === 'eth1' ? '0000:1' : '' }],
      ips: [{ interface: 0, address, gateway: '' }],
      routes: [{ dst: `${name}/0` }],
      dns: { domain: name },
    });
    expect(podNetworkResult([one('eth0', '10.0.0.2/24'), one('eth1', '10.1.0.2/24')], 'ipv4')).toEqual({
      ip: '10.0.0.2',
      additionalIps: [],
      cniResult: {
        Interfaces: {
          eth0: { IPConfigs: [{ IP: '10.0.0.2', Gateway: '' }], Mac: 'eth0', Sandbox: '/ns' },
          eth1: { IPConfigs: [{ IP: '10.1.0.2', Gateway: '' }], Mac: 'eth1', Sandbox: '/ns', PciID: '0000:1' },
        },
        DNS: [{ domain: 'eth0' }, { domain: 'eth1' }],
        Routes: [{ dst: 'eth0/0' }, { dst: 'eth1/0' }],
      },
    });
  });

  it('keeps the order of very many addresses', () => {
    const ips = Array.from({ length: 50_000 }, (_, at) => ({
      address: `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}/8`,
      gateway: '',
    }));
    const { ip, additionalIps } = podNetworkResult([{ ...nothing, ips }], 'cni');
    expect([ip, additionalIps.length, additionalIps.at(-1)]).toEqual(['10.0.0.0', 49_999, '10.0.195.79']);
  });

  it('refuses a pod whose eth0 got no address', () => {
    expect(() => podNetworkResult([nothing], 'ipv4')).toThrow(
      new CniError('the pod network gave interface eth0 no address'),
    );
  });

  it.each(['1.6', '2.x'])('makes of cached results what the plugin of containerd %s made of them', (release) => {
    const read = (name: string) =>
      JSON.parse(readFileSync(join(__dirname, '../../fixtures/plugin-records', release, name), 'utf8'));
    const entries: { result: Record<string, unknown>; ifName: string }[] = Object.values<string>(read('cni-cache.json'))
      .map((text) => JSON.parse(text))
      .sort((a, b) => (a.ifName < b.ifName ? 1 : -1)); // the loopback network is the first
    const records: { extensions: Record<string, { value: { text: string } }> }[] = read('containers.json');
    const stored = records
      .map(({ extensions }) => extensions['io.cri-containerd.sandbox.metadata'])
      .map((extension) => extension && JSON.parse(extension.value.text).Metadata)
      .find((metadata) => metadata?.CNIResult);
    const made = podNetworkResult(
      entries.map(({ result }) => parseResult(result, '1.0.0')),
      'ipv4',
    );
    expect(made.ip).toBe(stored.IP);
    // Newer plugins write two more members, empty for interfaces that are no hardware.
    for (const one of Object.values<Record<string, unknown>>(stored.CNIResult.Interfaces)) {
      if (one.PciID === '') delete one.PciID;
      if (one.SocketPath === '') delete one.SocketPath;
    }
    expect(made.cniResult).toEqual(stored.CNIResult);
  });
});

describe('chooseIp', () => {
  it.each([
    ['ipv4', ['fd00::2', '10.0.0.2', '10.0.0.3'], '10.0.0.2', ['fd00::2', '10.0.0.3']],
    ['ipv6', ['10.0.0.2', 'fd00::2'], 'fd00::2', ['10.0.0.2']],
    ['cni', ['fd00::2', '10.0.0.2'], 'fd00::2', ['10.0.0.2']],
    ['ipv4', ['fd00::2', 'fd00::3'], 'fd00::2', ['fd00::3']],
    ['ipv6', ['10.0.0.2'], '10.0.0.2', []],
  ] as const)('by %s, of %j takes %s', (preference, addresses, ip, additionalIps) => {
    expect(chooseIp(addresses, preference)).toEqual({ ip, additionalIps });
  });
});
