import { connect, type Socket } from 'node:net';
import {
  DESCRIPTOR_PARTS,
  MOST_CLIENTS,
  MOST_FORWARDED,
  MOST_SILENT,
  SPARE_PART,
  sharedLimits,
} from '../../../src/streaming/limits';
import { REQUEST_BYTES, TooManyRequests } from '../../../src/streaming/request-cache';
import { useStreaming } from '../../support/streaming/rig';
import { control, plainHeaders, SpdyClient, word } from '../../support/streaming/spdy-client';
import { dialLoopback } from '../../support/streaming/targets';
import { settle, until } from '../../support/streaming/until';
import { askUpgrade } from '../../support/streaming/upgrade';
import { webSocketFrame } from '../../support/streaming/web-socket-frames';

const OPEN_FILES = 160;
const SILENT = OPEN_FILES / DESCRIPTOR_PARTS.silent;
const CLIENTS = OPEN_FILES / DESCRIPTOR_PARTS.clients;
const FORWARDED = OPEN_FILES / DESCRIPTOR_PARTS.forwarded;
const LEFT = Math.floor(OPEN_FILES / DESCRIPTOR_PARTS.left);
const rig = useStreaming({ openFiles: OPEN_FILES });

/** A connection of bare TCP that sends `text` at once. */
async function dial(text = ''): Promise<Socket & { seen: string; over: boolean }> {
  const { hostname, port } = new URL(rig.now.execUrl());
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  const state = Object.assign(rig.now.keep(socket), { seen: '', over: false });
  socket.on('data', (chunk) => {
    state.seen += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  for (const end of ['end', 'close']) {
    socket.on(end, () => {
      state.over = true;
    });
  }
  await until('the connection', () => !socket.connecting);
  if (text !== '') socket.write(text);
  return state;
}

async function dialMany(count: number, text = '') {
  const all = [];
  for (let i = 0; i < count; i++) all.push(await dial(text));
  await settle();
  return all;
}

describe('The limits of a process', () => {
  it('with many descriptors are those of memory', () => {
    const { silent, clients, forwarded } = sharedLimits(1 << 20);
    expect([silent, clients.most, forwarded.most]).toEqual([MOST_SILENT, MOST_CLIENTS, MOST_FORWARDED]);
    expect(sharedLimits().silent).toBe(MOST_SILENT);
  });

  it('with 1024 descriptors leave more than half of them to all else', () => {
    const { silent, clients, left, forwarded } = sharedLimits(1024);
    expect([silent, clients.most, left.most, forwarded.most]).toEqual([64, 64, 16, 128]);
    expect(silent + 4 * clients.most + 3 * left.most + forwarded.most).toBeLessThan(1024 / 2);
  });

  it('keep something for a further pod, whatever two others take', () => {
    const { clients, forwarded, streams } = sharedLimits(1024);
    for (const seats of [clients, forwarded, streams]) {
      let taken = 0;
      for (const pod of ['one', 'two']) while (seats.take(pod)) taken++;
      expect(seats.most - taken).toBe(Math.floor(seats.most / SPARE_PART));
      expect(seats.take('three')).toBeDefined();
    }
  });

  it('with hardly any are one of each', () => {
    const { silent, clients, forwarded } = sharedLimits(7);
    expect([silent, clients.most, forwarded.most]).toEqual([1, 1, 1]);
  });
});

describe('Connections that have shown no token', () => {
  it.each([
    ['say nothing', ''],
    ['are in the middle of their request', 'GET /exec/abc HTTP/1.1\r\nHo'],
  ])('and %s may be so many; for a further one, the oldest goes', async (_what, text) => {
    const all = await dialMany(SILENT, text);
    expect(all.map(({ over }) => over)).toEqual(all.map(() => false));
    all.push(...(await dialMany(1, text)));
    await until('the oldest is closed', () => all[0]?.over === true);
    await settle();
    expect(all.filter(({ over }) => over)).toHaveLength(1);
    all.push(...(await dialMany(2, text)));
    await until('the next ones are closed', () => all.slice(0, 3).every(({ over }) => over));
    expect(all.slice(3).filter(({ over }) => over)).toEqual([]);
  });

  it('keep nobody else out, and are not those of clients that have shown one', async () => {
    const early = await rig.now.spdy(rig.now.attachUrl(), 'v4.channel.k8s.io');
    await dialMany(3 * SILENT);
    const late = await rig.now.spdy(rig.now.execUrl({ containerId: 'other' }), 'v4.channel.k8s.io');
    const { error } = await late.openAll('error', 'stdin', 'stdout', 'stderr');
    expect(JSON.parse(await error.all())).toMatchObject({ status: 'Success' });
    await dialMany(SILENT);
    await early.ping();
  });

  it('or one that is none are refused, and then closed, whatever they send behind it', async () => {
    const all = await dialMany(SILENT, 'GET /exec/nothing HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1000));
    await until('all are closed', () => all.every(({ over }) => over));
    const answers = all.map(({ seen }) => seen.split('HTTP/1.1 404').length - 1);
    expect(answers).toEqual(all.map(() => 1));
  });

  it('by an end that comes too early are closed at once', async () => {
    const client = await dial('GET /exec/abc HTTP/1.1\r\n');
    client.end();
    await until('it is closed', () => client.over);
  });
});

describe('A request to upgrade', () => {
  it.each<Record<string, string>>([{ 'content-length': '5' }, { 'transfer-encoding': 'chunked' }])(
    'has no body: %j',
    async (headers) => {
      const answer = await askUpgrade(rig.now.execUrl(), { headers: { upgrade: 'SPDY/3.1', ...headers } });
      expect([answer.status, answer.body]).toEqual([400, 'a request to upgrade has no body\n']);
      expect(rig.now.runtime.execs).toEqual([]);
    },
  );

  it('may come byte by byte', async () => {
    const path = new URL(rig.now.execUrl()).pathname;
    const client = await dial();
    for (const byte of `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n`) {
      client.write(byte);
      await settle(1);
    }
    await until('the answer', () => client.seen.startsWith('HTTP/1.1 101 '));
  });

  it('may have the first frames behind it: SPDY', async () => {
    const client = await dial();
    const spdy = new SpdyClient(client);
    const block = await spdy.block(plainHeaders([['streamtype', 'error']]));
    const open = control(1, Buffer.concat([word(1), word(0), Buffer.from([0, 0]), block]));
    const path = new URL(rig.now.execUrl()).pathname;
    client.removeAllListeners('data');
    let seen = Buffer.alloc(0);
    client.on('data', (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
    });
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n`;
    client.write(Buffer.concat([Buffer.from(head), open, control(6, word(1))]));
    await until('the answers', () => seen.includes(control(6, word(1))));
    expect(seen.toString('latin1')).toMatch(/^HTTP\/1.1 101 /);
    expect(seen.includes(Buffer.from([0x80, 3, 0, 2]))).toBe(true);
  });

  it('may have the first frames behind it: WebSocket', async () => {
    rig.now.runtime.onExec = async ({ stdin, stdout }) => {
      const chunk: Buffer = await new Promise((resolve) => stdin?.once('data', resolve));
      await new Promise((resolve) => stdout?.write(chunk, resolve));
      return 0;
    };
    const path = new URL(rig.now.execUrl()).pathname;
    const head = [
      `GET ${path} HTTP/1.1`,
      'Host: x',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Protocol: v5.channel.k8s.io',
    ].join('\r\n');
    const client = await dial();
    client.write(Buffer.concat([Buffer.from(`${head}\r\n\r\n`), webSocketFrame({ payload: Buffer.from('\0hello') })]));
    await until('the echo', () => client.seen.includes('\x01hello'));
  });
});

describe('Clients that are served', () => {
  beforeEach(() => {
    rig.now.runtime.onAttach = ({ signal }) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  });

  const attach = (containerId: string) => rig.now.spdy(rig.now.attachUrl({ containerId }), 'v4.channel.k8s.io');

  it('may be so many of one container, and so many in all', async () => {
    const clients = [];
    for (let i = 0; i < CLIENTS / 2; i++) clients.push(await attach('web'));
    await expect(attach('web')).rejects.toThrow('503 too many clients are served already');
    for (let i = 0; i < CLIENTS / 2; i++) clients.push(await attach('other'));
    await expect(attach('third')).rejects.toThrow('503 too many clients are served already');
    clients[0]?.destroy();
    await until('one is gone', () => rig.now.server.connectionCount === CLIENTS - 1);
    await settle();
    clients.push(await attach('third'));
    await expect(attach('third')).rejects.toThrow('503');
  });

  it('of several containers of a pod are one pod’s', async () => {
    const attachIn = (containerId: string) =>
      rig.now.spdy(rig.now.attachUrl({ containerId, sandboxId: 'pod' }), 'v4.channel.k8s.io');
    for (let i = 0; i < CLIENTS / 2; i++) await attachIn(`container ${i}`);
    await expect(attachIn('one more')).rejects.toThrow('503 too many clients are served already');
    await attach('other');
  });

  it('and leave while their command goes on are counted apart, and those that are too many keep their seats', async () => {
    const ends: (() => void)[] = [];
    rig.now.runtime.onExec = () => new Promise((resolve) => ends.push(() => resolve(0)));
    const run = async (): Promise<SpdyClient> => {
      const client = await rig.now.spdy(rig.now.execUrl(), 'v4.channel.k8s.io');
      await client.openAll('error', 'stdin', 'stdout', 'stderr');
      return client;
    };
    const most = CLIENTS / 2 + LEFT / 2;
    for (let i = 1; i <= most; i++) {
      const client = await run();
      await until('it runs', () => ends.length === i);
      client.destroy();
      await until('it is gone', () => rig.now.server.connectionCount === 0);
    }
    await expect(run()).rejects.toThrow('503');
    ends.pop()?.();
    await until('one has ended', () => rig.now.runtime.running === most - 1);
    await settle();
    await run();
    await until('it runs', () => ends.length === most);
    for (const end of ends) end();
  });

  it('take no room for their commands once these have been made processes', async () => {
    const ends: (() => void)[] = [];
    rig.now.runtime.onExec = (_streams, _request, onMade) => {
      onMade?.();
      return new Promise((resolve) => ends.push(() => resolve(0)));
    };
    const cmd = ['x'.repeat(REQUEST_BYTES / 3)];
    for (let i = 1; i <= 4; i++) {
      const client = await rig.now.spdy(rig.now.execUrl({ cmd }), 'v4.channel.k8s.io');
      await client.openAll('error', 'stdin', 'stdout', 'stderr');
      await until('it runs', () => ends.length === i);
    }
    expect(rig.now.runtime.execs.map((request) => request.cmd)).toEqual([[], [], [], []]);
    for (const end of ends) end();
  });

  it('take room for their commands until then, and a short command takes none', async () => {
    rig.now.runtime.onExec = ({ signal }) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(0), { once: true }));
    const cmd = ['x'.repeat(REQUEST_BYTES / 3)];
    const client = await rig.now.spdy(rig.now.execUrl({ cmd }), 'v4.channel.k8s.io');
    await client.openAll('error', 'stdin', 'stdout', 'stderr');
    await until('it runs', () => rig.now.runtime.execs.length === 1);
    expect(() => rig.now.execUrl({ cmd })).toThrow(TooManyRequests);
    rig.now.execUrl({ cmd: ['x'.repeat(4000)] });
  });
});

describe('Connections that are forwarded', () => {
  beforeEach(() => {
    rig.now.runtime.onDial = dialLoopback;
  });

  it('may be so many of one pod, by however many clients, and are refused one by one', async () => {
    const port = await rig.now.targets.sink();
    const clients = [
      await rig.now.spdy(rig.now.forwardUrl(), 'portforward.k8s.io'),
      await rig.now.spdy(rig.now.forwardUrl(), 'portforward.k8s.io'),
    ];
    const pairs = [];
    for (let i = 0; i < FORWARDED / 2; i++) pairs.push(await clients[i % 2]?.openPair(port, String(i)));
    await until('all are connected', () => rig.now.targets.sockets.size === FORWARDED / 2);
    const refused = await clients[0]?.openPair(port, 'one more');
    expect(await refused?.error.all()).toBe(`forward to port ${port}: too many connections are forwarded already`);
    pairs[0]?.data.giveUp();
    await until('one is over', () => rig.now.targets.sockets.size === FORWARDED / 2 - 1);
    await clients[0]?.openPair(port, 'again');
    await until('there is one for it', () => rig.now.targets.sockets.size === FORWARDED / 2);
  });

  it('count while they are being made, and are given back when that fails', async () => {
    const fail: ((error: Error) => void)[] = [];
    rig.now.runtime.onDial = () => new Promise((_resolve, reject) => fail.push(reject));
    const client = await rig.now.spdy(rig.now.forwardUrl(), 'portforward.k8s.io');
    for (let i = 0; i < FORWARDED / 2; i++) await client.openPair(80, String(i));
    await until('all are dialled', () => fail.length === FORWARDED / 2);
    const refused = await client.openPair(80, 'one more');
    expect(await refused.error.all()).toContain('too many');
    for (const each of fail) each(new Error('nobody there'));
    await settle();
    await client.openPair(80, 'again');
    await until('it is dialled', () => fail.length === FORWARDED / 2 + 1);
    fail.at(-1)?.(new Error('nobody there'));
  });
});
