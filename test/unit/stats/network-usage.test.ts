import { networkUsage, parseNetDev } from '../../../src/stats/network-usage';

const HEADING = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`;
const TEXT = `${HEADING}    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0: 18446744073709551615    2    3    4    0     0          0         0      5       6    7    8    0     0       0          0
veth@1:1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0
`;
const device = (name: string, rxBytes = 1n) => ({
  name,
  rxBytes,
  rxPackets: 2n,
  rxErrors: 3n,
  rxDropped: 4n,
  txBytes: 5n,
  txPackets: 6n,
  txErrors: 7n,
  txDropped: 8n,
});
const usage = (name: string) => ({
  name,
  rxBytes: { value: 1n },
  rxErrors: { value: 3n },
  txBytes: { value: 5n },
  txErrors: { value: 7n },
});

describe('parseNetDev', () => {
  it('reads every interface, also 64 bits and a name without a space behind it', () => {
    const [, eth0, veth] = parseNetDev(TEXT);
    expect(parseNetDev(TEXT).map(({ name }) => name)).toEqual(['lo', 'eth0', 'veth@1']);
    expect([eth0, veth]).toEqual([device('eth0', 2n ** 64n - 1n), device('veth@1')]);
  });

  it.each(['', HEADING, 'eth0: 1 2\n', 'eth0: a b c d e f g h i j k l m n o p\n'])('finds none in %j', (text) => {
    expect(parseNetDev(text)).toEqual([]);
  });
});

describe('networkUsage', () => {
  it('has eth0 as the default interface and the others beside it, without the loopback', () => {
    expect(networkUsage([device('lo'), device('net1'), device('eth0')], 5n)).toEqual({
      timestamp: 5n,
      defaultInterface: usage('eth0'),
      interfaces: [usage('net1')],
    });
  });

  it('takes the first interface when there is no eth0', () => {
    expect(networkUsage([device('lo'), device('net1'), device('net2')], 5n)).toMatchObject({
      defaultInterface: { name: 'net1' },
      interfaces: [{ name: 'net2' }],
    });
  });

  it('is unset for a pod with a loopback only', () => {
    expect(networkUsage([device('lo')], 5n)).toBeUndefined();
  });
});
