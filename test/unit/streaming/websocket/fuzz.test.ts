import fc from 'fast-check';
import { nothingLeft, stillServes } from '../../../support/streaming/fuzz';
import { bufferBytes } from '../../../support/streaming/memory';
import { useStreaming } from '../../../support/streaming/rig';
import { dialLoopback } from '../../../support/streaming/targets';
import { settle, until } from '../../../support/streaming/until';
import { type FrameParts, rawWebSocket, webSocketFrame } from '../../../support/streaming/web-socket-frames';

const rig = useStreaming();
beforeEach(() => {
  rig.now.runtime.onDial = dialLoopback;
  rig.now.runtime.onExec = ({ signal, stdin, stdout, onResize }) => {
    onResize(() => undefined);
    if (stdin && stdout) stdin.pipe(stdout, { end: false });
    if (signal.aborted) return Promise.resolve(0);
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve(0), { once: true }));
  };
});

const PROTOCOLS: [string, () => Promise<string>][] = [
  ['v5.channel.k8s.io', async () => rig.now.execUrl()],
  ['v4.base64.channel.k8s.io', async () => rig.now.execUrl()],
  ['channel.k8s.io', async () => rig.now.execUrl()],
  ['SPDY/3.1+portforward.k8s.io', async () => rig.now.forwardUrl()],
  ['v4.channel.k8s.io', async () => rig.now.forwardUrl([await rig.now.targets.echo()])],
];

const frame: fc.Arbitrary<FrameParts> = fc.record({
  fin: fc.boolean(),
  rsv: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.nat(7)),
  opcode: fc.oneof(fc.constantFrom(0, 1, 2, 8, 9, 10), fc.nat(15)),
  masked: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.boolean()),
  length: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, fc.nat(200), fc.nat(0x7fff_ffff)),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 150 }),
    fc.tuple(fc.nat(6), fc.uint8Array({ maxLength: 50 })).map(([channel, rest]) => Uint8Array.from([channel, ...rest])),
    fc.tuple(fc.constantFrom(0, 4, 255), fc.json()).map(([channel, text]) => {
      return Uint8Array.from([channel, ...Buffer.from(text)]);
    }),
  ),
});

const byte = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);
/** Frames that have broken something, or would have. */
const SEEDS: [number, FrameParts[], boolean][] = [
  // No channel, a channel alone, the end of no channel, of one that there is not, twice of one, and data behind it.
  [0, [{ payload: byte() }, { payload: byte(0) }, { payload: byte(255) }, { payload: byte(255, 9) }], true],
  [0, [{ payload: byte(255, 0) }, { payload: byte(255, 0) }, { payload: byte(0, 1) }], true],
  // A channel that is no digit, and base64 that is none.
  [
    1,
    [
      { opcode: 1, payload: byte(200, 33, 33) },
      { opcode: 1, payload: Buffer.from('0====') },
    ],
    true,
  ],
  // Sizes that are none.
  [0, [{ payload: Buffer.from('\x04{"Width":1e999,"Height":-0}') }, { payload: Buffer.from('\x04}}}}{{{{') }], true],
  // A message that never ends, one that begins in another, a control frame in pieces, and a close with half a code.
  [
    0,
    [
      { fin: false, payload: byte(0) },
      { fin: false, opcode: 2, payload: byte(0) },
    ],
    true,
  ],
  [0, [{ fin: false, opcode: 9 }], true],
  [0, [{ opcode: 8, payload: byte(3) }], true],
  // Text where the tunnel has bytes, and a length beyond what there may be.
  [3, [{ opcode: 1, payload: Buffer.from('GET / HTTP/1.1') }], true],
  [4, [{ length: 0x7fff_ffff, payload: byte(0, 1) }], true],
];

describe('Whatever a client sends over WebSocket', () => {
  it('ends its own connection at most: the server serves on, and nothing is left', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(PROTOCOLS.length - 1),
        fc.array(frame, { minLength: 1, maxLength: 10 }),
        fc.boolean(),
        async (which, frames, atOnce) => {
          const [protocol, url] = PROTOCOLS[which] ?? ['', async () => ''];
          const socket = await rawWebSocket(await url(), protocol);
          const parts = frames.map(webSocketFrame);
          for (const part of atOnce ? [Buffer.concat(parts)] : parts) {
            if (!socket.destroyed) socket.write(part);
            if (!atOnce) await settle(1);
          }
          await settle(1);
          socket.destroy();
        },
      ),
      { numRuns: 300, examples: SEEDS, interruptAfterTimeLimit: 30_000 },
    );
    await nothingLeft(rig.now);
    await stillServes(rig.now);
  });
});

describe('Memory, whatever a client sends over WebSocket, does not grow', () => {
  it.each([
    ['a frame longer than a message may be', [{ length: (16 << 20) + 1, payload: byte(0) }]],
    ['a message of too many pieces', Array.from({ length: 300 }, () => ({ fin: false, opcode: 0, payload: byte(0) }))],
    ['a frame that is not masked', [{ masked: false, payload: byte(0, 1) }]],
    ['compression that was not agreed on', [{ rsv: 4, payload: byte(0, 1) }]],
  ])('by %s: its connection ends', async (_what, frames: FrameParts[]) => {
    const socket = await rawWebSocket(rig.now.execUrl(), 'v5.channel.k8s.io');
    const [first = {}, ...rest] = frames;
    const opened = rest.length > 0 ? { ...first, opcode: 2 } : first;
    socket.write(Buffer.concat([opened, ...rest].map(webSocketFrame)));
    await until('it ends', () => socket.over);
    socket.destroy();
    await nothingLeft(rig.now);
  });

  it('by pings whose answers it does not take', async () => {
    const before = bufferBytes();
    const socket = await rawWebSocket(rig.now.execUrl(), 'v5.channel.k8s.io');
    socket.pause();
    const pings = Buffer.concat(Array.from({ length: 500 }, () => webSocketFrame({ opcode: 9, payload: byte(1) })));
    let most = 0;
    for (let i = 0; i < 400 && !socket.destroyed; i++) {
      const room = socket.write(pings);
      if (!room) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), settle(50)]);
      if (i % 100 === 0) most = Math.max(most, bufferBytes() - before);
    }
    expect(most).toBeLessThan(16 << 20);
    socket.destroy();
    await nothingLeft(rig.now);
  });

  it('by single bytes in large chunks', async () => {
    rig.now.runtime.onExec = ({ signal }) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(0), { once: true }));
    const socket = await rawWebSocket(rig.now.execUrl(), 'v5.channel.k8s.io');
    await until('it runs', () => rig.now.runtime.running === 1);
    const padding = webSocketFrame({ payload: Buffer.concat([byte(9), Buffer.alloc(50_000)]) });
    const one = webSocketFrame({ payload: byte(0, 1) });
    const before = bufferBytes();
    for (let round = 0; round < 300; round++) {
      if (!socket.write(Buffer.concat([one, padding]))) await new Promise((resolve) => socket.once('drain', resolve));
    }
    await until('all is sent', () => socket.writableLength === 0);
    await settle();
    expect(bufferBytes() - before).toBeLessThan(6 << 20); // the chunks, kept whole, would be 15 MiB
    socket.destroy();
  });
});
