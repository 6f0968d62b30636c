import { kindLeft, leftSince } from '../../support/daemon/left-since';
import { shimSocketOf, shimSockets } from '../../support/daemon/shim-sockets';

describe('What is left', () => {
  it('is what was not there before', async () => {
    const before = { veths: ['v1'], journals: [] as string[] };
    const left = await leftSince(before, () => ({ veths: ['v1', 'v2'], journals: ['j'] }), 0);
    expect(left).toEqual([
      ['veths', 'v2'],
      ['journals', 'j'],
    ]);
  });

  it('is nothing when it goes in time', async () => {
    const looks = [['v2'], []];
    expect(await leftSince({ veths: [] }, async () => ({ veths: looks.shift() ?? [] }), 5000)).toEqual([]);
    expect(looks).toEqual([]);
  });

  it('names a shim by its command line', async () => {
    const { pid } = process;
    const [left] = await leftSince({ shims: [] }, () => ({ shims: [String(pid)] }), 0);
    expect(left).toEqual(['shims', expect.stringMatching(new RegExp(`\\(pid ${pid}\\)$`))]);
  });

  it('has a kind that people can read', () => expect(kindLeft('sandboxRecords')).toBe('left: sandbox records'));
});

describe('The socket of a shim', () => {
  const address = '/run/containerd/containerd.sock';

  it('is named as containerd names it', () => {
    // printf %s /run/containerd/containerd.sock/k8s.io/abc | sha256sum
    const hash = 'a99a1752d3a0fadfb1f869026f16760475df03a572e20f4ccea9e6c1e5470b72';
    expect(shimSocketOf(address, 'abc')).toBe(`/run/containerd/s/${hash}`);
  });

  it('is only told where there is one', () => expect(shimSockets('/no/such/socket', ['abc', 'def'])).toEqual([]));
});
