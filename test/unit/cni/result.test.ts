import { CniError } from '../../../src/cni/cni-error';
import { type CniResult, MAX_RESULT_ENTRIES, parseResult, resultJson } from '../../../src/cni/result';

const NONE = { socketPath: '', pciID: '' };

const dual: CniResult = {
  interfaces: [
    { name: 'br0', mac: 'aa', sandbox: '', ...NONE },
    { name: 'eth0', mac: 'bb', sandbox: '/ns', ...NONE },
  ],
  ips: [
    { interface: 1, address: '10.0.0.2/24', gateway: '10.0.0.1' },
    { interface: 1, address: 'fd00::2/64', gateway: '' },
  ],
  routes: [{ dst: '0.0.0.0/0', gw: '10.0.0.1' }, { dst: '::/0' }],
  dns: { nameservers: ['1.1.1.1'], domain: 'd', search: ['s'], options: ['o'] },
};

describe('parseResult', () => {
  it.each([
    ['interfaces', { name: 'eth0' }],
    ['ips', { address: '10.0.0.2/24' }],
    ['routes', { dst: '0.0.0.0/0' }],
  ] as const)('reads as many %s as there may be, and not one more', (part, entry) => {
    const of = (length: number) => ({ cniVersion: '1.0.0', [part]: Array.from({ length }, () => entry) });
    expect(parseResult(of(MAX_RESULT_ENTRIES), '')[part]).toHaveLength(MAX_RESULT_ENTRIES);
    expect(() => parseResult(of(MAX_RESULT_ENTRIES + 1), '')).toThrow(
      `the result has ${MAX_RESULT_ENTRIES + 1} ${part}, ${MAX_RESULT_ENTRIES} are the limit`,
    );
  });

  it.each(['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'])('reads version %s', (cniVersion) => {
    const ips = [
      { version: '4', interface: 1, address: '10.0.0.2/24', gateway: '10.0.0.1' },
      { version: '6', interface: 1, address: 'fd00::2/64' },
    ];
    const json = {
      cniVersion,
      interfaces: [
        { name: 'br0', mac: 'aa' },
        { name: 'eth0', mac: 'bb', sandbox: '/ns' },
      ],
      ips,
      routes: dual.routes,
      dns: dual.dns,
    };
    expect(parseResult(json, '1.0.0')).toEqual(dual);
  });

  it.each(['0.1.0', '0.2.0'])('reads version %s, which has no interfaces', (cniVersion) => {
    const json = {
      cniVersion,
      ip4: { ip: '10.0.0.2/24', gateway: '10.0.0.1', routes: [{ dst: '0.0.0.0/0' }] },
      ip6: { ip: 'fd00::2/64' },
      dns: { nameservers: ['1.1.1.1'] },
    };
    expect(parseResult(json, cniVersion)).toEqual({
      interfaces: [],
      ips: [
        { address: '10.0.0.2/24', gateway: '10.0.0.1' },
        { address: 'fd00::2/64', gateway: '' },
      ],
      routes: [{ dst: '0.0.0.0/0' }],
      dns: { nameservers: ['1.1.1.1'] },
    });
  });

  it('takes a result without a version for one of the configuration’s', () => {
    expect(parseResult({ ip4: { ip: '10.0.0.2/24' } }, '0.2.0').ips).toEqual([{ address: '10.0.0.2/24', gateway: '' }]);
    expect(parseResult({ ips: [{ address: '10.0.0.2/24' }] }, '1.0.0').ips).toEqual([
      { address: '10.0.0.2/24', gateway: '' },
    ]);
  });

  it('keeps what 1.1.0 says of interfaces and routes', () => {
    const json = {
      cniVersion: '1.1.0',
      interfaces: [{ name: 'eth0', mtu: 1450, socketPath: '/s', pciID: '0000:00:1f.6' }],
      routes: [{ dst: '0.0.0.0/0', mtu: 1400, table: 100 }],
    };
    const result = parseResult(json, '1.1.0');
    expect(result.interfaces).toEqual([
      { name: 'eth0', mac: '', sandbox: '', mtu: 1450, socketPath: '/s', pciID: '0000:00:1f.6' },
    ]);
    expect(resultJson(result, '1.1.0')).toEqual({ ...json, interfaces: json.interfaces, dns: {} });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['an unknown version', { cniVersion: '9.0.0' }, 'the result is in CNI version 9.0.0, which is not known'],
    [
      'an address that is none',
      { ips: [{ address: '10.0.0/24' }] },
      'the result has the address "10.0.0/24", which is none',
    ],
    [
      'an address of no interface',
      { ips: [{ address: '10.0.0.2/24', interface: 3 }] },
      "the result's address 10.0.0.2/24 is of interface 3, which is not in the result",
    ],
  ])('refuses %s', (_name, json, message) => {
    expect(() => parseResult(json, '1.0.0')).toThrow(new CniError(message));
  });
});

describe('resultJson', () => {
  it.each(['0.3.1', '0.4.0', '1.0.0', '1.1.0'])('writes version %s so that it is read back', (version) => {
    expect(parseResult(resultJson(dual, version), version)).toEqual(dual);
  });

  it('says the family of an address before 1.0.0 only', () => {
    expect(resultJson(dual, '0.4.0').ips).toMatchObject([{ version: '4' }, { version: '6' }]);
    expect(resultJson(dual, '1.0.0').ips).not.toMatchObject([{ version: '4' }, { version: '6' }]);
  });

  it('writes one address of each family before 0.3.0', () => {
    expect(resultJson(dual, '0.2.0')).toEqual({
      cniVersion: '0.2.0',
      ip4: { ip: '10.0.0.2/24', gateway: '10.0.0.1', routes: [{ dst: '0.0.0.0/0', gw: '10.0.0.1' }] },
      ip6: { ip: 'fd00::2/64', routes: [{ dst: '::/0' }] },
      dns: dual.dns,
    });
  });
});
