import type { Worker } from 'node:worker_threads';
import { MOST_HELD_MS } from '../../support/least-ms';
import { flood, turnsOf } from '../../support/streaming/flood';
import { useStreaming } from '../../support/streaming/rig';
import { control, data, PING, word } from '../../support/streaming/spdy-client';
import { webSocketFrame } from '../../support/streaming/web-socket-frames';

const rig = useStreaming();
const CLIENTS = 20;
const TURNS = 100;
/** The one turn that may be late: Version is promised an answer within a second. */
const MOST_OF_ALL_MS = 1000;

const SPDY = ['POST', 'SPDY/3.1', 'X-Stream-Protocol-Version: v4.channel.k8s.io'] as const;
const WEBSOCKET = [
  'GET',
  'websocket',
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v5.channel.k8s.io',
] as const;

/** The head of a request for a command of its own. */
function headOf([method, upgrade, more]: typeof SPDY | typeof WEBSOCKET, at: number): string {
  const { pathname } = new URL(rig.now.execUrl({ containerId: `c${at}`, tty: true, stderr: false }));
  return `${method} ${pathname} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\n${more}\r\n\r\n`;
}

function repeated(frame: Buffer): Buffer {
  return Buffer.concat(Array(Math.floor(65_536 / frame.length)).fill(frame));
}

describe('The event loop, flooded by twenty clients', () => {
  let worker: Worker | undefined;
  beforeEach(() => {
    rig.now.runtime.onExec = ({ signal, onResize, stdin }) => {
      onResize(() => undefined);
      stdin?.resume();
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve(0), { once: true }));
    };
  });
  afterEach(async () => {
    await worker?.terminate();
    await rig.now.server.stop(); // or it would read all that the clients have left under way
  });

  it.each([
    ['empty messages', WEBSOCKET, repeated(webSocketFrame({}))],
    ['messages of one byte', WEBSOCKET, repeated(webSocketFrame({ payload: Buffer.from([0, 1]) }))],
    ['ends of sizes', WEBSOCKET, repeated(webSocketFrame({ payload: Buffer.from('\x04}') }))],
    [
      'sizes that are none',
      WEBSOCKET,
      repeated(webSocketFrame({ payload: Buffer.from('\x04{"Width":1,"Height":1,}') })),
    ],
    ['sizes', WEBSOCKET, repeated(webSocketFrame({ payload: Buffer.from('\x04{"Width":1,"Height":1}') }))],
    ['frames without anything', SPDY, repeated(control(4, Buffer.alloc(0)))],
    ['windows', SPDY, repeated(control(9, Buffer.concat([word(1), word(1)])))],
    ['pings', SPDY, repeated(control(PING, word(1)))],
    ['data for nobody', SPDY, repeated(data(7, Buffer.from('x')))],
    ['resets for nobody', SPDY, repeated(control(3, Buffer.concat([word(7), word(5)])))],
  ])('with %s, has time for others in each turn', async (what, how, payload) => {
    const heads = Array.from({ length: CLIENTS }, (_, at) => headOf(how, at));
    worker = await flood(Number(new URL(rig.now.execUrl()).port), heads, payload);
    const turns = (await turnsOf(TURNS)).sort((one, other) => one - other);
    const [median = 0, late = 0, longest = 0] = [0.5, 0.95, 1].map((part) => turns[Math.ceil(part * TURNS) - 1]);
    if (process.env.CRISP_TELL_TURNS)
      process.stderr.write(`${what}: ${[median, late, longest].map((ms) => ms.toFixed(1))}\n`);
    // One of twenty turns may be late: others run on this machine, and garbage is collected.
    expect(late).toBeLessThan(MOST_HELD_MS);
    expect(longest).toBeLessThan(MOST_OF_ALL_MS);
  });
});
