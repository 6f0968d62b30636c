import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type PeerCertificate, type TLSSocket, Server as TlsServer, connect as tlsConnect } from 'node:tls';
import { DESCRIPTOR_PARTS } from '../../../src/streaming/limits';
import { HANDSHAKE_MS } from '../../../src/streaming/server';
import { TURN_MS } from '../../../src/streaming/turn-share';
import { StreamingRig } from '../../support/streaming/rig';
import { SpdyClient } from '../../support/streaming/spdy-client';
import { settle, until } from '../../support/streaming/until';
import { askSpdy } from '../../support/streaming/upgrade';
import { TEST_CA, TEST_SERVER } from '../../support/test-certificates';

let rig: StreamingRig;

async function listening(options: ConstructorParameters<typeof StreamingRig>[0]): Promise<StreamingRig> {
  rig = new StreamingRig({ tls: true, ...options });
  await rig.server.listen();
  return rig;
}

afterEach(() => rig.close());

/** The certificate that a server shows. */
function certificateOf(url: string): Promise<PeerCertificate> {
  const { port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = tlsConnect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate());
      socket.end();
    });
    socket.on('error', reject);
  });
}

async function runThrough(url: string, ca?: string): Promise<string> {
  rig.runtime.onExec = async ({ stdout }) => {
    await new Promise<void>((resolve) => stdout?.write('over TLS', () => resolve()));
    return 0;
  };
  const answer = await askSpdy(url, 'v4.channel.k8s.io', { ca });
  if (!answer.socket) throw new Error(String(answer.status));
  const client = rig.keep(new SpdyClient(answer.socket, answer.head));
  const { stdout } = await client.openAll('error', 'stdin', 'stdout', 'stderr');
  return stdout.all();
}

describe('With TLS, the server', () => {
  it('speaks with the certificate it was given', async () => {
    await listening({ certificate: TEST_SERVER });
    const url = rig.execUrl();
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/exec\//);
    expect(await runThrough(url, TEST_CA)).toBe('over TLS');
    const shown = await certificateOf(url);
    expect(new X509Certificate(shown.raw).toString()).toBe(new X509Certificate(TEST_SERVER.cert).toString());
  });

  it('makes itself a certificate for its address when it has none, another one each time', async () => {
    await listening({});
    const first = await certificateOf(rig.execUrl());
    expect(first.subjectaltname).toBe('DNS:localhost, IP Address:127.0.0.1');
    expect(await runThrough(rig.execUrl())).toBe('over TLS');
    await rig.close();
    await listening({});
    expect((await certificateOf(rig.execUrl())).fingerprint256).not.toBe(first.fingerprint256);
  });

  it('may listen on every address, and is told of by one that can be dialled', async () => {
    await listening({ address: '0.0.0.0' });
    expect(rig.execUrl()).toMatch(/^https:\/\/127\.0\.0\.1:\d+\//);
    expect(await runThrough(rig.execUrl())).toBe('over TLS');
  });

  it('serves WebSockets as well', async () => {
    await listening({});
    const client = await rig.webSocket(rig.execUrl(), 'v5.channel.k8s.io');
    expect(await client.end()).toBe(1000);
    expect(JSON.parse(client.text(3))).toMatchObject({ status: 'Success' });
  });

  it('takes nothing older than TLS 1.2, and nothing in clear', async () => {
    await listening({});
    const { port } = new URL(rig.execUrl());
    const old = await new Promise<string>((resolve) => {
      const socket = tlsConnect({
        host: '127.0.0.1',
        port: Number(port),
        rejectUnauthorized: false,
        minVersion: 'TLSv1',
        maxVersion: 'TLSv1.1',
        ciphers: 'DEFAULT@SECLEVEL=0',
      });
      socket.on('secureConnect', () => resolve('connected'));
      socket.on('error', (error) => resolve(error.message));
    });
    expect(old).toMatch(/protocol version|unsupported protocol|ECONNRESET/i);
    await expect(askSpdy(rig.execUrl().replace('https', 'http'), 'v4.channel.k8s.io')).rejects.toThrow();
  });

  it('cuts off a client that never finishes its handshake, when it stops', async () => {
    await listening({});
    const { port } = new URL(rig.execUrl());
    const client = connect({ host: '127.0.0.1', port: Number(port) });
    let over = false;
    client.on('close', () => {
      over = true;
    });
    client.on('error', () => undefined);
    await until('the connection', () => !client.connecting);
    client.write(Buffer.from([22, 3, 1]));
    await rig.server.stop();
    await until('it is cut off', () => over);
  });

  it.each([
    ['says nothing', Buffer.alloc(0)],
    ['never finishes its handshake', Buffer.from([22, 3, 1])],
  ])('closes the oldest client that %s for a further one, and serves whoever has a token', async (_what, bytes) => {
    await listening({ openFiles: 3 * DESCRIPTOR_PARTS.silent });
    const { port } = new URL(rig.execUrl());
    const over: number[] = [];
    for (let i = 0; i < 4; i++) {
      const client = rig.keep(connect({ host: '127.0.0.1', port: Number(port) }));
      client.on('close', () => over.push(i));
      client.on('error', () => undefined);
      client.resume();
      await until('the connection', () => !client.connecting);
      client.write(bytes);
    }
    await until('the oldest is closed', () => over.length === 1);
    expect(over).toEqual([0]);
    expect(await runThrough(rig.execUrl())).toBe('over TLS');
  });
});

describe('A TLS handshake', () => {
  /** What a client says first. */
  async function clientHello(): Promise<Buffer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const client = tlsConnect({ host: '127.0.0.1', port }).on('error', () => undefined);
    const [socket] = (await once(server, 'connection')) as [Socket];
    const [hello] = (await once(socket, 'data')) as [Buffer];
    for (const each of [client, socket]) each.destroy();
    await new Promise((resolve) => server.close(resolve));
    return hello;
  }

  async function dial(): Promise<Socket> {
    const { port } = new URL(rig.execUrl());
    const client = rig.keep(connect({ host: '127.0.0.1', port: Number(port) }));
    client.on('error', () => undefined);
    await until('the connection', () => !client.connecting);
    return client;
  }

  /** How many handshakes have begun. */
  let begun: () => number;
  beforeEach(() => {
    const emit = jest.spyOn(TlsServer.prototype, 'emit');
    begun = () => emit.mock.calls.filter(([event]) => (event as string) === 'connection').length;
  });
  afterEach(() => jest.restoreAllMocks());

  it('begins when all is here that the client says first', async () => {
    const hello = await clientHello();
    await listening({});
    expect(begun()).toBe(0);
    const client = await dial();
    client.write(hello.subarray(0, -1));
    await settle();
    expect(begun()).toBe(0);
    client.write(hello.subarray(-1));
    await until('it has begun', () => begun() === 1);
    const [answer] = (await once(client, 'data')) as [Buffer];
    expect(answer.subarray(0, 2)).toEqual(Buffer.from([22, 3])); // a handshake record: the server's hello
  });

  it('is one of a few that begin in a turn of the event loop', async () => {
    const hello = await clientHello();
    await listening({});
    const clients: Socket[] = [];
    for (let at = 0; at < 40; at++) clients.push(await dial());
    let before = 0;
    for (const client of clients) client.write(hello);
    const giveUpAt = Date.now() + 20_000;
    while (before < clients.length && Date.now() < giveUpAt) {
      await new Promise((resolve) => setImmediate(resolve));
      const now = begun();
      expect(now - before).toBeLessThanOrEqual(TURN_MS / HANDSHAKE_MS);
      before = now;
    }
    expect(before).toBe(clients.length);
  });
});
