import { useStreaming } from '../../../support/streaming/rig';
import type { SpdyClient } from '../../../support/streaming/spdy-client';
import { dialLoopback, type Targets } from '../../../support/streaming/targets';
import { settle, until } from '../../../support/streaming/until';

const rig = useStreaming();
let targets: Targets;
beforeEach(() => {
  targets = rig.now.targets;
  rig.now.runtime.onDial = dialLoopback;
});

function forwarding(): Promise<SpdyClient> {
  return rig.now.spdy(rig.now.forwardUrl(), 'portforward.k8s.io');
}

describe('Over SPDY, a forwarded connection', () => {
  it('carries data both ways, ends as both sides do, and leaves its error stream empty', async () => {
    const port = await targets.echo();
    const client = await forwarding();
    const { data, error } = await client.openPair(port, '0');
    data.write('hello ');
    await until('the echo', () => data.text() === 'hello ');
    data.end('world');
    expect(await data.all()).toBe('hello world');
    expect(await error.all()).toBe('');
    expect([data.reset, error.reset]).toEqual([undefined, undefined]);
    expect(rig.now.runtime.dials).toEqual([{ sandboxId: 'pod', port }]);
  });

  it('may be one of a hundred that are dialled at a time', async () => {
    const port = await targets.echo();
    let go: () => void = () => undefined;
    const together = new Promise<void>((resolve) => {
      go = resolve;
    });
    rig.now.runtime.onDial = async (to) => {
      await together;
      return dialLoopback(to);
    };
    const client = await forwarding();
    const pairs = [];
    for (let i = 0; i < 100; i++) pairs.push(await client.openPair(port, String(i)));
    await until('all are being dialled', () => rig.now.runtime.dials.length === 100);
    go();
    for (const [i, { data }] of pairs.entries()) data.end(Buffer.alloc(10_000, `${i} `));
    for (const [i, { data }] of pairs.entries()) {
      expect(await data.all()).toBe(Buffer.alloc(10_000, `${i} `).toString());
    }
  });

  it('to several ports goes to the right one', async () => {
    const [one, two] = [await targets.serve((s) => s.end('one')), await targets.serve((s) => s.end('two'))];
    const client = await forwarding();
    const [first, second] = [await client.openPair(two, '0'), await client.openPair(one, '1')];
    first.data.end();
    second.data.end();
    expect([await first.data.all(), await second.data.all()]).toEqual(['two', 'one']);
  });

  it('that is refused says so on its error stream, and touches no other', async () => {
    const [port, refused] = [await targets.echo(), await targets.refused()];
    const client = await forwarding();
    const good = await client.openPair(port, 'good');
    const bad = await client.openPair(refused, 'bad');
    expect(await bad.error.all()).toMatch(new RegExp(`^forward to port ${refused}: .*ECONNREFUSED`));
    expect(await bad.data.all()).toBe('');
    good.data.end('alive');
    expect(await good.data.all()).toBe('alive');
  });

  it('that is refused is over in time, whether the client ends its side or not', async () => {
    const client = await forwarding();
    const { data, error } = await client.openPair(await targets.refused(), '0');
    await until('the end', () => data.ended && error.ended);
    await until('the reset', () => data.reset !== undefined);
    expect(error.reset).toBeUndefined();
  });

  it('that the target resets just ends: the client sees no error, and the session goes on', async () => {
    const resets = await targets.serve((socket) => {
      socket.write('begun');
      socket.once('data', () => socket.resetAndDestroy());
    });
    const port = await targets.echo();
    const client = await forwarding();
    const { data, error } = await client.openPair(resets, '0');
    await until('the beginning', () => data.text() === 'begun');
    data.write('now');
    expect(await data.all()).toBe('begun');
    expect(await error.all()).toBe('');
    const next = await client.openPair(port, '1');
    next.data.end('alive');
    expect(await next.data.all()).toBe('alive');
    expect(client.closed).toBe(false);
  });

  it('that the target closes while the client sends takes what is sent, and the session goes on', async () => {
    const closes = await targets.serve((socket) => socket.destroy());
    const client = await forwarding();
    const { data } = await client.openPair(closes, '0');
    const sending = setInterval(() => data.write(Buffer.alloc(65_536)), 1);
    await data.all();
    await until('the reset', () => data.reset !== undefined);
    clearInterval(sending);
    await client.ping();
  });

  it('that the client resets is closed at the target', async () => {
    const port = await targets.sink();
    const client = await forwarding();
    const { data } = await client.openPair(port, '0');
    data.write('x');
    await until('the connection', () => targets.sockets.size === 1);
    data.giveUp();
    await until('it is closed', () => targets.sockets.size === 0);
    await client.ping();
  });

  it('lets the target have all that was sent before the client ended, however long the answer takes', async () => {
    const port = await targets.serve((socket) => {
      let bytes = 0;
      socket.on('data', ({ length }) => {
        bytes += length;
      });
      socket.on('end', () => setTimeout(() => socket.end(`${bytes}`), 1100));
    });
    const client = await forwarding();
    const { data } = await client.openPair(port, '0');
    data.end(Buffer.alloc(5 << 20));
    expect(await data.all()).toBe(String(5 << 20));
  });

  it('that is full once its client has ended it holds up no other', async () => {
    const slow = await targets.serve((socket) => socket.pause());
    const port = await targets.echo();
    const client = await forwarding();
    const first = await client.openPair(slow, '0');
    await until('the connection', () => targets.sockets.size === 1);
    first.data.end(Buffer.alloc(65_536));
    const second = await client.openPair(port, '1');
    second.data.end('through');
    expect(await second.data.all()).toBe('through');
    client.destroy();
  });

  it('is closed with its client, at whatever moment that leaves', async () => {
    const port = await targets.sink();
    for (const moment of ['connected', 'ended', 'sending']) {
      const client = await forwarding();
      const { data } = await client.openPair(port, '0');
      if (moment === 'connected') await until('the connection', () => targets.sockets.size === 1);
      if (moment === 'ended') data.end('x');
      if (moment === 'sending') data.write(Buffer.alloc(1 << 20));
      client.destroy();
      await until('it is closed', () => targets.sockets.size === 0 && rig.now.server.connectionCount === 0);
    }
  });
});

describe('Over SPDY, dialling', () => {
  /** Dials nobody, and tells which dials were given up. */
  function dialNobody(): unknown[] {
    const reasons: unknown[] = [];
    rig.now.runtime.onDial = (_port, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason);
          reject(signal.reason);
        });
      });
    return reasons;
  }

  it.each(['whose client leaves', 'whose stream is reset', 'that was ended before its client left'])(
    'for a connection %s is given up',
    async (how) => {
      const reasons = dialNobody();
      const client = await forwarding();
      const { data } = await client.openPair(80, '0');
      await until('it is dialled', () => rig.now.runtime.dials.length === 1);
      if (how === 'whose stream is reset') data.giveUp();
      else {
        if (how.startsWith('that was ended')) data.end('x');
        await client.ping();
        client.destroy();
      }
      await until('it is given up', () => reasons.length === 1);
      expect(String(reasons[0])).toContain('the client has given up');
    },
  );

  it('that comes too late is undone', async () => {
    const port = await targets.echo();
    let go: () => void = () => undefined;
    rig.now.runtime.onDial = async () => {
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      return dialLoopback(port);
    };
    const client = await forwarding();
    await client.openPair(port, '0');
    await until('it is dialled', () => rig.now.runtime.dials.length === 1);
    client.destroy();
    await until('the client is gone', () => rig.now.server.connectionCount === 0);
    go();
    await until('the target is connected and let go', () => targets.sockets.size === 0);
    await settle();
  });
});

describe('Over SPDY, a stream for a forward', () => {
  it.each([
    ['without a type', { port: '80', requestid: '1' }],
    ['of another type', { streamtype: 'stdin', port: '80', requestid: '1' }],
    ['without a port', { streamtype: 'data', requestid: '1' }],
    ['with the port 0', { streamtype: 'data', port: '0', requestid: '1' }],
    ['with a port that is too high', { streamtype: 'data', port: '65536', requestid: '1' }],
    ['with a port that is no number', { streamtype: 'data', port: '80x', requestid: '1' }],
    ['with a negative port', { streamtype: 'data', port: '-1', requestid: '1' }],
  ])('%s is reset', async (_what, headers) => {
    const client = await forwarding();
    const stream = await client.open(headers as Record<string, string>);
    await until('the reset', () => stream.reset !== undefined);
    await client.ping();
  });

  it('that comes twice, or for another port than its other half, is reset', async () => {
    const client = await forwarding();
    await client.open({ streamtype: 'error', port: '80', requestid: '1' });
    const again = await client.open({ streamtype: 'error', port: '80', requestid: '1' });
    const elsewhere = await client.open({ streamtype: 'data', port: '81', requestid: '1' });
    await until('both resets', () => again.reset !== undefined && elsewhere.reset !== undefined);
    expect(rig.now.runtime.dials).toEqual([]);
  });

  it('finds its other half in whatever order they come, and a number may be used again', async () => {
    const port = await targets.echo();
    const client = await forwarding();
    for (let round = 0; round < 2; round++) {
      const data = await client.open({ streamtype: 'data', port: String(port), requestid: '1' });
      const error = await client.open({ streamtype: 'error', port: String(port), requestid: '1' });
      error.end();
      data.end('hello');
      expect(await data.all()).toBe('hello');
      await error.all();
    }
  });

  it('of an old client, which has no numbers, goes with the one opened just before', async () => {
    const port = await targets.echo();
    const client = await forwarding();
    const pairs = [];
    for (let i = 0; i < 3; i++) {
      const error = await client.open({ streamtype: 'error', port: String(port) });
      pairs.push({ error, data: await client.open({ streamtype: 'data', port: String(port) }) });
    }
    for (const [i, { data }] of pairs.entries()) data.end(`connection ${i}`);
    for (const [i, { data }] of pairs.entries()) expect(await data.all()).toBe(`connection ${i}`);
  });

  it('whose other half was reset by the client waits for another', async () => {
    const port = await targets.echo();
    const client = await forwarding();
    const first = await client.open({ streamtype: 'error', port: String(port), requestid: '1' });
    first.giveUp();
    const { data } = await client.openPair(port, '1');
    data.end('hello');
    expect(await data.all()).toBe('hello');
  });
});
