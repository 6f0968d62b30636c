import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { KEPT_MESSAGES_BYTES } from '../../../../src/streaming/limits';
import type { ProcessStreams } from '../../../../src/streaming/streaming-runtime';
import { KeptMessages } from '../../../../src/streaming/websocket/kept-messages';
import {
  FRAME_PIECES,
  MESSAGE_BYTES,
  MESSAGE_FRAMES,
  MESSAGE_KEPT_BYTES,
  upgradeToWebSocket,
} from '../../../../src/streaming/websocket/upgrade';
import { nothingLeft, stillServes } from '../../../support/streaming/fuzz';
import { bufferBytes } from '../../../support/streaming/memory';
import { useStreaming } from '../../../support/streaming/rig';
import { settle, until } from '../../../support/streaming/until';
import { rawWebSocket, webSocketFrame } from '../../../support/streaming/web-socket-frames';

const rig = useStreaming();
const V5 = 'v5.channel.k8s.io';
const TOO_LONG = 1009;

/** Answers how many bytes of stdin have come. */
function counting() {
  const state = { bytes: 0 };
  rig.now.runtime.onExec = async ({ stdin, signal }: ProcessStreams) => {
    stdin?.on('data', ({ length }: Buffer) => {
      state.bytes += length;
    });
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    return 0;
  };
  return state;
}

async function raw() {
  return rig.now.keep(await rawWebSocket(rig.now.execUrl({ containerId: `c${Math.random()}` }), V5));
}

describe('A message', () => {
  it('may have so many bytes, in one frame or in several, and not one more', async () => {
    const state = counting();
    const client = await rig.now.webSocket(rig.now.execUrl(), V5);
    client.send(0, Buffer.alloc(MESSAGE_BYTES - 1));
    await until('all of it', () => state.bytes === MESSAGE_BYTES - 1);
    client.socket.send(Buffer.alloc(MESSAGE_BYTES / 2), { fin: false, binary: true });
    client.socket.send(Buffer.alloc(MESSAGE_BYTES / 2), { fin: true, binary: true });
    await until('all of it', () => state.bytes === 2 * (MESSAGE_BYTES - 1));
    client.send(0, Buffer.alloc(MESSAGE_BYTES));
    expect(await client.end()).toBe(TOO_LONG);
    expect(state.bytes).toBe(2 * (MESSAGE_BYTES - 1));
  });

  it('may come in so many frames, and not one more', async () => {
    const state = counting();
    const client = await raw();
    const frames = (count: number): Buffer =>
      Buffer.concat(
        Array.from({ length: count }, (_, at) =>
          webSocketFrame({ fin: at === count - 1, opcode: at === 0 ? 2 : 0, payload: Buffer.from([0]) }),
        ),
      );
    client.write(frames(MESSAGE_FRAMES));
    await until('all of it', () => state.bytes === MESSAGE_FRAMES - 1);
    client.write(frames(MESSAGE_FRAMES + 1));
    await until('it is cut off', () => client.over);
    expect(state.bytes).toBe(MESSAGE_FRAMES - 1);
  });

  it('keeps so much with what comes amid it, and not more', async () => {
    counting();
    const client = await raw();
    const pong = webSocketFrame({ opcode: 10, payload: Buffer.alloc(125) });
    const pongs = (bytes: number): Buffer => Buffer.concat(Array(Math.ceil(bytes / pong.length)).fill(pong));
    client.write(webSocketFrame({ fin: false, payload: Buffer.from([0, 1]) }));
    client.write(pongs(MESSAGE_KEPT_BYTES / 2));
    await until('it is sent', () => client.writableLength === 0);
    await settle();
    expect(client.over).toBe(false);
    client.write(pongs(MESSAGE_KEPT_BYTES));
    await until('it is cut off', () => client.over);
  });
});

describe('A frame', () => {
  it('may come in so many pieces, and not in one more', async () => {
    const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    const headers = {
      upgrade: 'websocket',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': '13',
    };
    const request = { method: 'GET', url: '/', headers } as unknown as IncomingMessage;
    const webSocket = await upgradeToWebSocket({ request, socket }, '', new KeptMessages(1 << 30));
    const codes: number[] = [];
    webSocket.on('close', (code) => codes.push(code));
    await settle(2);
    const piece = Buffer.from([0]);
    socket.push(webSocketFrame({ length: 100_000 }));
    for (let i = 0; i < FRAME_PIECES; i++) socket.push(piece);
    await settle(2);
    expect([socket.writableEnded, webSocket.readyState]).toEqual([false, webSocket.OPEN]);
    socket.push(piece);
    await until('it is cut off', () => webSocket.readyState !== webSocket.OPEN);
    socket.destroy();
    await until('it is closed', () => codes.length === 1);
  });
});

describe('Unfinished messages of many clients', () => {
  const CLIENTS = 200;

  it('take no more memory than the limit, which is given back with the clients; others are served meanwhile', async () => {
    counting();
    const before = bufferBytes();
    const part = webSocketFrame({ fin: false, payload: Buffer.alloc(MESSAGE_BYTES - 100) });
    const clients: Awaited<ReturnType<typeof raw>>[] = [];
    for (let i = 0; i < CLIENTS; i++) clients.push(await raw());
    for (const client of clients) client.write(part);
    const taken = (): boolean => clients.every(({ over, writableLength }) => over || writableLength === 0);
    await until('all is sent', taken);
    const cut = (): number => clients.filter(({ over }) => over).length;
    await until('some are cut off', () => cut() >= CLIENTS - KEPT_MESSAGES_BYTES / MESSAGE_BYTES - 1);
    await settle();
    expect(bufferBytes() - before).toBeLessThan(KEPT_MESSAGES_BYTES + (16 << 20));
    expect(cut()).toBeLessThan(CLIENTS / 2);
    await stillServes(rig.now);
    for (const client of clients) client.destroy();
    await nothingLeft(rig.now);
    await until('it is given back', () => bufferBytes() - before < 8 << 20);
  });
});
