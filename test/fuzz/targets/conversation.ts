import { once } from 'node:events';
import { connect } from 'node:net';
import { constants, deflateSync } from 'node:zlib';
import { headerDictionary } from '../../../src/streaming/spdy/dictionary';
import { controlFrame, dataFrames, uint32 } from '../../../src/streaming/spdy/frame';
import { StreamingRig } from '../../support/streaming/rig';
import { plainHeaders } from '../../support/streaming/spdy-client';
import { until } from '../../support/streaming/until';
import { webSocketFrame } from '../../support/streaming/web-socket-frames';
import { latin } from '../input';
import { COMMON_TOKENS, type Target } from '../target';

/** Stands in an input where the path of a request is that has been allowed: none can be used twice. */
const EXEC = '/exec-url';
const FORWARD = '/forward-url';
const CLIENT_MS = 2000;

function request(url: string, ...headers: readonly string[]): string {
  return `${[`GET ${url} HTTP/1.1`, 'Host: x', 'Connection: Upgrade', ...headers].join('\r\n')}\r\n\r\n`;
}

function webSocket(url: string, protocol: string, ...payloads: readonly Buffer[]): string {
  const head = request(
    url,
    'Upgrade: websocket',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Protocol: ${protocol}`,
  );
  return head + latin(Buffer.concat(payloads.map((payload) => webSocketFrame({ payload }))));
}

function spdy(url: string, ...types: readonly string[]): string {
  const deflate = deflateSync(
    plainHeaders([
      ['streamtype', types[0] ?? ''],
      ['port', '1'],
      ['requestid', '1'],
    ]),
    {
      dictionary: headerDictionary(),
      finishFlush: constants.Z_SYNC_FLUSH,
    },
  );
  const open = controlFrame(1, uint32(1), uint32(0), Buffer.from([0, 0]), deflate);
  const more = dataFrames(1, Buffer.from('hello'));
  return (
    request(url, 'Upgrade: SPDY/3.1', 'X-Stream-Protocol-Version: v4.channel.k8s.io') +
    latin(Buffer.concat([open, ...more]))
  );
}

/** A server hands out a thousand URLs a minute, and many of these are never dialled. */
const INPUTS_OF_A_SERVER = 250;

let running: Promise<StreamingRig> | undefined;
let served = 0;

/** A server that must outlive its inputs. */
async function server(): Promise<StreamingRig> {
  if (++served % INPUTS_OF_A_SERVER === 0) await closeConversations();
  running ??= (async () => {
    const rig = new StreamingRig();
    rig.runtime.onExec = ({ signal, stdin, stdout, onResize }) => {
      onResize(() => undefined);
      if (stdin && stdout) stdin.pipe(stdout, { end: false });
      if (signal.aborted) return Promise.resolve(0);
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve(0), { once: true }));
    };
    await rig.server.listen();
    return rig;
  })();
  return running;
}

/** Ends the server, when there is one. */
export async function closeConversations(): Promise<void> {
  const rig = await running;
  running = undefined;
  await rig?.close();
}

/** All that a client may send to the streaming port, from its request on. Afterwards the server has no client. */
const conversation: Target = {
  name: 'streaming/conversation',
  seeds: [
    webSocket(
      EXEC,
      'v5.channel.k8s.io',
      Buffer.from('\0hello'),
      Buffer.from('\x04{"Width":1,"Height":2}'),
      Buffer.from([255, 0]),
    ),
    webSocket(EXEC, 'v4.base64.channel.k8s.io', Buffer.from('0aGVsbG8='), Buffer.from('4e30=')),
    webSocket(FORWARD, 'SPDY/3.1+portforward.k8s.io', controlFrame(6, uint32(1))),
    spdy(EXEC, 'error', 'stdin'),
    spdy(FORWARD, 'data', 'error'),
  ],
  tokens: [
    ...COMMON_TOKENS,
    EXEC,
    FORWARD,
    'Upgrade: ',
    'websocket',
    'SPDY/3.1',
    '\x82\x80\0\0\0\0',
    '\x02\x85\x01\x02\x03\x04',
  ],
  most: 256 << 10,
  mibMs: 800, // both ends of the connection are in this process
  async read(bytes) {
    const rig = await server();
    const text = bytes
      .toString('latin1')
      .replace(EXEC, pathOf(rig.execUrl()))
      .replace(FORWARD, pathOf(rig.forwardUrl()));
    const socket = connect(Number(new URL(rig.execUrl()).port), '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.resume();
    // A client that says all it has and leaves; what is wrong may end it before.
    const closed = once(socket, 'close');
    socket.end(Buffer.from(text, 'latin1'));
    const late = setTimeout(() => socket.destroy(), 20);
    await closed;
    clearTimeout(late);
    await until('the client is gone', () => rig.server.connectionCount === 0 && rig.runtime.running === 0, CLIENT_MS);
  },
};

function pathOf(url: string): string {
  return new URL(url).pathname;
}

export const CONVERSATION: readonly Target[] = [conversation];
