import { parseNetDev } from '../../../src/host/namespace/net-dev';
import { netnsPath } from '../../../src/host/namespace/netns';
import { socketAddress } from '../../../src/host/namespace/netns-dial';
import { idMapText } from '../../../src/host/namespace/user-netns';
import { listenerInode } from '../../../src/host/process/peer';

it('parseNetDev reads every interface, with and without a space after its name', () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0
  eth0:18446744073709551615 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17
 eth0:1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
broken: 1 2 3
`;
  expect(parseNetDev(text)).toEqual([
    {
      name: 'lo',
      rxBytes: 100n,
      rxPackets: 2n,
      rxErrors: 0n,
      rxDropped: 0n,
      txBytes: 100n,
      txPackets: 2n,
      txErrors: 0n,
      txDropped: 0n,
    },
    {
      name: 'eth0',
      rxBytes: 18446744073709551615n,
      rxPackets: 3n,
      rxErrors: 4n,
      rxDropped: 5n,
      txBytes: 10n,
      txPackets: 11n,
      txErrors: 12n,
      txDropped: 13n,
    },
    {
      name: 'eth0:1',
      rxBytes: 1n,
      rxPackets: 2n,
      rxErrors: 3n,
      rxDropped: 4n,
      txBytes: 9n,
      txPackets: 10n,
      txErrors: 11n,
      txDropped: 12n,
    },
  ]);
});

it('netnsPath is a uuid of the first half of the id', () => {
  expect(netnsPath('/run/netns', '0123456789abcdef0123456789abcdef'.repeat(2))).toBe(
    '/run/netns/cni-01234567-89ab-cdef-0123-456789abcdef',
  );
});

it.each([
  ['127.0.0.1', 80, '0200 0050 7f000001 0000000000000000'],
  ['::1', 8080, '0a00 1f90 00000000 00000000000000000000000000000001 00000000'],
  ['fe80::1:2', 1, '0a00 0001 00000000 fe800000000000000000000000010002 00000000'],
  ['2001:db8:1:2:3:4:5:6', 65535, '0a00 ffff 00000000 20010db8000100020003000400050006 00000000'],
  ['::ffff:10.0.0.1', 1, '0a00 0001 00000000 00000000000000000000ffff0a000001 00000000'],
  ['::', 1, '0a00 0001 00000000 00000000000000000000000000000000 00000000'],
])('socketAddress(%s, %d)', (host, port, hex) => {
  expect(socketAddress(host, port).toString('hex')).toBe(hex.replaceAll(' ', ''));
});

it.each([
  ['localhost', 80],
  ['1.2.3', 80],
  ['fe80::1%eth0', 80],
  ['127.0.0.1', 0],
  ['127.0.0.1', 65536],
  ['127.0.0.1', 1.5],
])('socketAddress refuses %s %d', (host, port) => {
  expect(() => socketAddress(host, port)).toThrow();
});

it('listenerInode finds the socket that listens, not those connected to it', () => {
  const text = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000003 00000000 00000000 0001 03 111 /run/a b.sock
0000000000000000: 00000002 00000000 00010000 0001 01 222 /run/a b.sock
0000000000000000: 00000002 00000000 00010000 0001 01 333
`;
  expect(listenerInode(text, '/run/a b.sock')).toBe('222');
  expect(listenerInode(text, '/run/other.sock')).toBeUndefined();
});

it('idMapText writes one mapping a line', () => {
  expect(
    idMapText([
      { containerID: 0, hostID: 65536, size: 65536 },
      { containerID: 65536, hostID: 0, size: 1 },
    ]),
  ).toBe('0 65536 65536\n65536 0 1\n');
});
