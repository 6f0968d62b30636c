import { connect, createServer, type Socket } from 'node:net';
import { silentLogger } from '../../../src/base/logger';
import { noMetrics } from '../../../src/base/metrics';
import { StreamingServer, type StreamingServerOptions } from '../../../src/streaming/server';
import { FakeRuntime } from '../../support/streaming/fake-runtime';
import { StreamingRig, useStreaming } from '../../support/streaming/rig';
import { settle, until } from '../../support/streaming/until';
import { askSpdy, askUpgrade } from '../../support/streaming/upgrade';
import { recordingLogger, untilAborted } from '../rpc/rpc-rig';

const rig = useStreaming();

/** The status of a plain request. */
async function fetchStatus(url: string, method = 'GET'): Promise<number> {
  const answer = await askUpgrade(url, { method, headers: { connection: 'close' } });
  return answer.status;
}

/** A connection of bare TCP. */
async function dial(url: string): Promise<Socket & { seen: string; over: boolean }> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname.replace(/[[\]]/g, ''), port: Number(port), allowHalfOpen: true });
  const state = Object.assign(rig.now.keep(socket), { seen: '', over: false });
  socket.on('data', (chunk) => {
    state.seen += chunk;
  });
  socket.on('error', () => undefined);
  for (const end of ['end', 'close']) {
    socket.on(end, () => {
      state.over = true;
    });
  }
  await until('the connection', () => !socket.connecting);
  return state;
}

describe('The streaming server, asked', () => {
  it.each(['GET', 'POST'])('by %s upgrades to SPDY and names the best protocol both know', async (method) => {
    const answer = await askSpdy(rig.now.execUrl(), 'v5.channel.k8s.io, v4.channel.k8s.io,v3.channel.k8s.io', {
      method,
    });
    if (answer.socket) rig.now.keep(answer.socket);
    expect(answer.status).toBe(101);
    expect(answer.headers).toMatchObject({
      upgrade: 'SPDY/3.1',
      connection: 'Upgrade',
      'x-stream-protocol-version': 'v4.channel.k8s.io',
    });
  });

  it.each([
    ['v3.channel.k8s.io', 'v3.channel.k8s.io'],
    ['v2.channel.k8s.io,channel.k8s.io', 'v2.channel.k8s.io'],
    ['channel.k8s.io', 'channel.k8s.io'],
    [undefined, 'channel.k8s.io'],
  ])('for %p speaks %s', async (offered, chosen) => {
    const { answer } = await rig.now.spdy(rig.now.attachUrl(), offered);
    expect(answer.headers['x-stream-protocol-version']).toBe(chosen);
  });

  it('in capital letters understands as well', async () => {
    const answer = await askUpgrade(rig.now.execUrl(), { headers: { upgrade: 'spdy/3.1' } });
    if (answer.socket) rig.now.keep(answer.socket);
    expect(answer.status).toBe(101);
  });

  it('for a forward speaks portforward.k8s.io, also to who names nothing', async () => {
    for (const offered of ['portforward.k8s.io', undefined]) {
      const { answer } = await rig.now.spdy(rig.now.forwardUrl(), offered);
      expect(answer.headers['x-stream-protocol-version']).toBe('portforward.k8s.io');
    }
  });

  it('for protocols it does not know answers 403 with those it does', async () => {
    const exec = await askSpdy(rig.now.execUrl(), 'v9.channel.k8s.io');
    expect([exec.status, exec.body]).toEqual([
      403,
      'none of the protocols that the client offers is one of ours: v4.channel.k8s.io, v3.channel.k8s.io, ' +
        'v2.channel.k8s.io, channel.k8s.io\n',
    ]);
    const forward = await askSpdy(rig.now.forwardUrl(), 'v4.channel.k8s.io');
    expect([forward.status, forward.body]).toEqual([403, expect.stringContaining('portforward.k8s.io')]);
  });

  it.each(['PUT', 'DELETE', 'OPTIONS', 'PATCH'])('by %s answers 405', async (method) => {
    expect((await askSpdy(rig.now.execUrl(), 'v4.channel.k8s.io', { method })).status).toBe(405);
  });

  it.each(['h2c', 'spdy/2', 'tls/1.0', ''])('for an upgrade to %p answers 400', async (upgrade) => {
    expect((await askUpgrade(rig.now.execUrl(), { headers: { upgrade } })).status).toBe(400);
  });

  it('without an upgrade answers 400, and 404 for what it does not know', async () => {
    expect(await fetchStatus(rig.now.execUrl())).toBe(400);
    expect(await fetchStatus(rig.now.execUrl().replace(/[^/]+$/, 'nothing'))).toBe(404);
    expect(await fetchStatus(rig.now.execUrl().replace(/exec.*$/, ''))).toBe(404);
  });

  it('with a query looks at the path only', async () => {
    const { answer } = await rig.now.spdy(`${rig.now.execUrl()}?stdin=true&x=/exec/y`, 'v4.channel.k8s.io');
    expect(answer.status).toBe(101);
  });

  it.each([
    ['a token nobody was given', (url: string) => url.replace(/[^/]+$/, 'AAAAAAAAAAAAAAAAAAAAAA')],
    ['a token of another kind', (url: string) => url.replace('/exec/', '/attach/')],
    ['a longer path', (url: string) => `${url}/x`],
    ['no token', (url: string) => url.replace(/[^/]+$/, '')],
    ['no path', (url: string) => new URL('/', url).href],
    ['a path that climbs', (url: string) => url.replace('/exec/', '/x%2f..%2fexec/')],
  ])('for %s answers 404 and runs nothing', async (_what, change) => {
    const answer = await askSpdy(change(rig.now.execUrl()), 'v4.channel.k8s.io');
    expect(answer.status).toBe(404);
    expect(rig.now.runtime.execs).toEqual([]);
  });
});

describe('A token', () => {
  it('is good once', async () => {
    const url = rig.now.execUrl();
    await rig.now.spdy(url, 'v4.channel.k8s.io');
    expect((await askSpdy(url, 'v4.channel.k8s.io')).status).toBe(404);
  });

  it('is good for one of two clients that come at the same time', async () => {
    const url = rig.now.execUrl();
    const answers = await Promise.all([1, 2, 3].map(() => askSpdy(url, 'v4.channel.k8s.io')));
    for (const { socket } of answers) if (socket) rig.now.keep(socket);
    expect(answers.map(({ status }) => status).sort()).toEqual([101, 404, 404]);
  });

  it.each([
    ['another protocol', (url: string) => askSpdy(url, 'v9.channel.k8s.io'), 403],
    ['another method', (url: string) => askSpdy(url, 'v4.channel.k8s.io', { method: 'PUT' }), 405],
    ['another upgrade', (url: string) => askUpgrade(url, { headers: { upgrade: 'h2c' } }), 400],
    ['another kind', (url: string) => askSpdy(url.replace('exec', 'attach'), 'v4.channel.k8s.io'), 404],
    [
      'a WebSocket without a key',
      (url: string) => askUpgrade(url, { method: 'GET', headers: { upgrade: 'websocket' } }),
      400,
    ],
    ['no upgrade', (url: string) => askUpgrade(url, { headers: { connection: 'close' } }), 400],
  ])('is spent when the upgrade fails: %s', async (_what, ask, status) => {
    const url = rig.now.execUrl();
    expect((await ask(url)).status).toBe(status);
    expect((await askSpdy(url, 'v4.channel.k8s.io')).status).toBe(404);
    expect(rig.now.runtime.execs).toEqual([]);
  });
});

describe('A client', () => {
  it('is counted while it is there', async () => {
    const { server } = rig.now;
    expect(server.connectionCount).toBe(0);
    const clients = [await rig.now.spdy(rig.now.execUrl()), await rig.now.spdy(rig.now.attachUrl())];
    expect(server.connectionCount).toBe(2);
    for (const client of clients) client.destroy();
    await until('both are gone', () => server.connectionCount === 0);
  });

  it('that was refused and does not close is let go', async () => {
    const url = rig.now.execUrl();
    const client = await dial(url);
    client.write(`POST /exec/nothing HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n`);
    await until('the refusal', () => client.seen.startsWith('HTTP/1.1 404'));
    expect(client.seen).toContain('Connection: close');
    await until('the server lets go', () => client.over && rig.now.server.connectionCount === 0);
    await until('nobody reads any more', () => {
      client.write('x');
      return client.destroyed;
    });
  });

  it.each(['garbage\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', `GET /${'x'.repeat(100_000)}`])(
    'that speaks no HTTP is answered 4xx and closed: %#',
    async (text) => {
      const client = await dial(rig.now.execUrl());
      client.write(text);
      await until('the end', () => client.over);
      expect(client.seen).toMatch(/^HTTP\/1.1 4\d\d /);
    },
  );
});

describe('The server that stops', () => {
  it.each([
    ['has said nothing', ''],
    ['is in the middle of its request', 'POST /exec/x HTTP/1.1\r\nHo'],
    [
      'was refused and does not close',
      'POST /exec/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n',
    ],
  ])('cuts off a client that %s', async (_what, text) => {
    const client = await dial(rig.now.execUrl());
    client.write(text);
    await settle();
    await rig.now.server.stop();
    await until('it is cut off', () => client.over);
  });

  it('cuts off whoever is served, whose process hears of it', async () => {
    let gone = false;
    rig.now.runtime.onExec = (streams) =>
      new Promise((resolve) => {
        streams.signal.addEventListener('abort', () => {
          gone = true;
          resolve(0);
        });
      });
    const client = await rig.now.spdy(rig.now.execUrl(), 'v4.channel.k8s.io');
    await client.openAll('error', 'stdin', 'stdout', 'stderr');
    await until('it runs', () => rig.now.runtime.running === 1);
    const webSocket = await rig.now.webSocket(rig.now.attachUrl(), 'v5.channel.k8s.io');
    await rig.now.server.stop();
    await until('both are cut off', () => client.closed && webSocket.closed);
    expect(gone).toBe(true);
  });

  it('gives out no further URL, and its port is free', async () => {
    const { port } = new URL(rig.now.execUrl());
    await rig.now.server.stop();
    expect(() => rig.now.execUrl()).toThrow('does not listen');
    await rig.now.server.stop();
    const next = createServer();
    await new Promise<void>((resolve, reject) => next.once('error', reject).listen(Number(port), '127.0.0.1', resolve));
    await new Promise((resolve) => next.close(resolve));
  });
});

function serverWith(options: Partial<StreamingServerOptions>): StreamingServer {
  return new StreamingServer({
    address: '127.0.0.1',
    port: 0,
    tls: false,
    idleTimeoutMs: 0,
    creationTimeoutMs: 1000,
    runtime: new FakeRuntime(),
    log: silentLogger,
    metrics: noMetrics,
    ...options,
  });
}

describe('Its address', () => {
  it.each(['', '0.0.0.0', '::', '10.1.2.3', '192.168.0.1', 'example.org', '128.0.0.1', '::2', '127.0.0.1.example.org'])(
    'must not be %p without TLS',
    async (address) => {
      await expect(serverWith({ address }).listen()).rejects.toThrow(
        `streaming.address "${address}" is not a loopback address: that needs streaming.enable_tls`,
      );
    },
  );

  it.each([
    ['127.0.0.1', /^http:\/\/127\.0\.0\.1:\d+\/exec\/[\w-]{22}$/],
    ['127.0.0.53', /^http:\/\/127\.0\.0\.53:\d+\/exec\//],
    ['localhost', /^http:\/\/(127\.0\.0\.1|\[::1\]):\d+\/exec\//],
    ['::1', /^http:\/\/\[::1\]:\d+\/exec\//],
  ])('may be %s, and stands in the URL', async (address, expected) => {
    const other = new StreamingRig({ address });
    await other.server.listen();
    const url = other.execUrl();
    expect(url).toMatch(expected);
    await other.spdy(url, 'v4.channel.k8s.io');
    await other.close();
  });

  it('must be free', async () => {
    const port = Number(new URL(rig.now.execUrl()).port);
    await expect(serverWith({ port }).listen()).rejects.toThrow('EADDRINUSE');
  });

  it('may have a port of the configuration', async () => {
    const { port } = new URL(rig.now.execUrl());
    await rig.now.server.stop();
    const next = new StreamingRig({ port: Number(port) });
    await next.server.listen();
    expect(new URL(next.execUrl()).port).toBe(port);
    await next.close();
  });
});

describe('Its log', () => {
  it('does not tell by default of a client that leaves before its process ends, but of a process that fails', async () => {
    const log = recordingLogger();
    const other = new StreamingRig({ log });
    await other.server.listen();
    const seen = (): unknown[] => log.lines.filter(({ message }) => /process/.test(message)).map(({ level }) => level);
    other.runtime.onExec = ({ signal }) => untilAborted(signal);
    const leaving = await other.webSocket(other.execUrl(), 'v5.channel.k8s.io');
    await until('it runs', () => other.runtime.running === 1);
    leaving.destroy();
    await until('it is over', () => seen().length === 1);
    other.runtime.onExec = () => Promise.reject(new Error('no such file'));
    await (await other.webSocket(other.execUrl(), 'v5.channel.k8s.io')).end();
    expect(seen()).toEqual(['debug', 'info']);
    await other.close();
  });
});
