import { createWebSocketStream } from 'ws';
import { useStreaming } from '../../../support/streaming/rig';
import { SpdyClient } from '../../../support/streaming/spdy-client';
import { dialLoopback, type Targets } from '../../../support/streaming/targets';
import { until } from '../../../support/streaming/until';
import { TestWebSocket } from '../../../support/streaming/web-socket';

const rig = useStreaming();
let targets: Targets;
beforeEach(() => {
  targets = rig.now.targets;
  rig.now.runtime.onDial = dialLoopback;
});

/** A port as the first message of its channels names it. */
function named(port: number): Buffer {
  return Buffer.from([port & 255, port >> 8]);
}

describe('Over WebSocket channels, forwarded ports', () => {
  it.each(['v4.channel.k8s.io', 'portforward.k8s.io', undefined])('by %s have two channels each', async (protocol) => {
    const ports = [await targets.echo(), await targets.echo()];
    const client = await rig.now.webSocket(rig.now.forwardUrl(ports), protocol);
    client.send(0, 'first');
    client.send(2, 'second');
    await until('both', () => client.bytes(0).length === 7 && client.bytes(2).length === 8);
    const channels = [0, 1, 2, 3].map((channel) => client.bytes(channel));
    expect(channels.map((bytes) => bytes.subarray(0, 2))).toEqual(ports.flatMap((port) => [named(port), named(port)]));
    expect(channels.map((bytes) => bytes.toString('latin1', 2))).toEqual(['first', '', 'second', '']);
    expect(client.protocol).toBe(protocol);
  });

  it('by v4.base64.channel.k8s.io carry text', async () => {
    const port = await targets.echo();
    const client = await rig.now.webSocket(rig.now.forwardUrl([port]), 'v4.base64.channel.k8s.io');
    client.socket.send(`0${Buffer.from('hello').toString('base64')}`);
    await until('the echo', () => client.base64Text(0).endsWith('hello'));
  });

  it('that are refused say so, and the others go on', async () => {
    const [port, refused] = [await targets.echo(), await targets.refused()];
    const client = await rig.now.webSocket(rig.now.forwardUrl([refused, port]), 'v4.channel.k8s.io');
    await until('the refusal', () => client.bytes(1).length > 2);
    expect(client.bytes(1).toString('latin1', 2)).toMatch(new RegExp(`^forward to port ${refused}: .*ECONNREFUSED`));
    client.send(0, 'to nobody');
    client.send(2, 'alive');
    await until('the echo', () => client.bytes(2).length === 7);
  });

  it('close the WebSocket when the last of them is over', async () => {
    const ports = [await targets.serve((s) => s.end('one')), await targets.serve((s) => s.end('two'))];
    const client = await rig.now.webSocket(rig.now.forwardUrl(ports), 'v4.channel.k8s.io');
    expect(await client.end()).toBe(1000);
    expect([client.bytes(0).toString('latin1', 2), client.bytes(2).toString('latin1', 2)]).toEqual(['one', 'two']);
  });

  it('may be many', async () => {
    const port = await targets.echo();
    const client = await rig.now.webSocket(rig.now.forwardUrl(Array(127).fill(port)), 'v4.channel.k8s.io');
    for (let i = 0; i < 127; i++) client.send(i * 2, `port ${i}`);
    await until('all', () => client.bytes(252).toString('latin1', 2) === 'port 126' && targets.sockets.size === 127);
    client.destroy();
    await until('all are closed', () => rig.now.server.connectionCount === 0);
  });

  it('are closed with their client', async () => {
    const port = await targets.sink();
    const client = await rig.now.webSocket(rig.now.forwardUrl([port, port]), 'v4.channel.k8s.io');
    await until('both connections', () => targets.sockets.size === 2);
    client.destroy();
    await until('both are closed', () => targets.sockets.size === 0);
  });

  it('that are being dialled are given up with their client', async () => {
    let reason: unknown;
    rig.now.runtime.onDial = (_port, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reason = signal.reason;
          reject(signal.reason);
        });
      });
    const client = await rig.now.webSocket(rig.now.forwardUrl([80]), 'v4.channel.k8s.io');
    await until('it is dialled', () => rig.now.runtime.dials.length === 1);
    client.destroy();
    await until('it is given up', () => reason !== undefined);
  });

  it('must be named: none is 400', async () => {
    await expect(TestWebSocket.connect(rig.now.forwardUrl([]), 'v4.channel.k8s.io')).rejects.toThrow('400');
    await expect(TestWebSocket.connect(rig.now.forwardUrl([]))).rejects.toThrow('400');
  });

  it('by a protocol that there is not is 403', async () => {
    await expect(TestWebSocket.connect(rig.now.forwardUrl([80]), 'v5.channel.k8s.io')).rejects.toThrow('403');
  });
});

describe('Through a tunnel, a SPDY connection', () => {
  const TUNNEL = 'SPDY/3.1+portforward.k8s.io';

  async function tunnel() {
    const webSocket = await rig.now.webSocket(rig.now.forwardUrl(), TUNNEL);
    const client = new SpdyClient(createWebSocketStream(webSocket.socket));
    return { webSocket, client };
  }

  it('forwards as it would by itself', async () => {
    const [port, refused] = [await targets.echo(), await targets.refused()];
    const { webSocket, client } = await tunnel();
    expect(webSocket.protocol).toBe(TUNNEL);
    const pairs = [];
    for (let i = 0; i < 20; i++) pairs.push(await client.openPair(port, String(i)));
    const bad = await client.openPair(refused, 'bad');
    for (const [i, { data }] of pairs.entries()) data.end(Buffer.alloc(100_000, `${i} `));
    for (const [i, { data }] of pairs.entries()) {
      expect(await data.all()).toBe(Buffer.alloc(100_000, `${i} `).toString());
    }
    expect(await bad.error.all()).toContain('ECONNREFUSED');
    await client.ping();
  });

  it.each([1, 3, 1000])('is understood when its bytes come in messages of %d', async (size) => {
    const port = await targets.echo();
    const webSocket = await rig.now.webSocket(rig.now.forwardUrl(), TUNNEL);
    const stream = createWebSocketStream(webSocket.socket);
    const write = stream.write.bind(stream);
    stream.write = ((bytes: Buffer) => {
      for (let at = 0; at < bytes.length; at += size) write(bytes.subarray(at, at + size));
      return true;
    }) as typeof stream.write;
    const client = new SpdyClient(stream);
    const { data } = await client.openPair(port, '0');
    data.end('hello');
    expect(await data.all()).toBe('hello');
  });

  it('ends with its WebSocket, and its connections with it', async () => {
    const port = await targets.sink();
    const { webSocket, client } = await tunnel();
    await client.openPair(port, '0');
    await until('the connection', () => targets.sockets.size === 1);
    webSocket.destroy();
    await until('it is closed', () => targets.sockets.size === 0);
  });

  it('that breaks the protocol ends its WebSocket', async () => {
    const { webSocket, client } = await tunnel();
    client.send(Buffer.from([0x80, 2, 0, 1, 0, 0, 0, 0]));
    await webSocket.end();
  });

  it('waits for a client that does not read, and goes on with it', async () => {
    const port = await targets.serve((socket) => socket.end(Buffer.alloc(32 << 20, 'x')));
    const { webSocket, client } = await tunnel();
    const { data } = await client.openPair(port, '0');
    data.discarding = true;
    webSocket.socket.pause();
    let before = -1;
    await until('it waits', () => {
      const [socket] = targets.sockets;
      const left = socket?.writableLength ?? -2;
      const still = left === before && left > 0;
      before = left;
      return still;
    });
    webSocket.socket.resume();
    await data.all();
    expect(data.bytes).toBe(32 << 20);
  });
});
