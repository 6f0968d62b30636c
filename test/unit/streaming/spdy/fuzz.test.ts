import fc from 'fast-check';
import { bytesOf, type Move, move, nothingLeft, stillServes, synStream } from '../../../support/streaming/fuzz';
import { bufferBytes } from '../../../support/streaming/memory';
import { useStreaming } from '../../../support/streaming/rig';
import { control, data, plainHeaders, type SpdyClient, word } from '../../../support/streaming/spdy-client';
import { dialLoopback } from '../../../support/streaming/targets';
import { settle, until } from '../../../support/streaming/until';

const rig = useStreaming();
beforeEach(() => {
  rig.now.runtime.onDial = dialLoopback;
  rig.now.runtime.onExec = ({ signal, stdin, stdout }) => {
    if (stdin && stdout) stdin.pipe(stdout, { end: false });
    if (signal.aborted) return Promise.resolve(0);
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve(0), { once: true }));
  };
});

const URLS = {
  exec: () => rig.now.execUrl(),
  portforward: () => rig.now.forwardUrl(),
};

/** Does the moves, one after the other or in one write, and leaves. */
async function play(kind: keyof typeof URLS, moves: readonly Move[], atOnce: boolean): Promise<void> {
  const client = await rig.now.spdy(URLS[kind]());
  client.strict = false;
  const parts: Buffer[] = [];
  for (const each of moves) parts.push(await bytesOf(client, each));
  for (const part of atOnce ? [Buffer.concat(parts)] : parts) {
    client.send(part);
    if (!atOnce) await settle(1);
  }
  await settle(1);
  client.destroy();
}

const text = (plain: string): Uint8Array => Buffer.from(plain, 'latin1');
/** Moves that have broken something, or would have. */
const SEEDS: [keyof typeof URLS, Move[], boolean][] = [
  // Header compression that ends, and goes on.
  [
    'exec',
    [
      {
        kind: 'control',
        type: 1,
        flags: 0,
        payload: Buffer.concat([word(1), word(0), Buffer.from('0000789c030000000001', 'hex'), Buffer.from('more')]),
      },
    ],
    true,
  ],
  // A count of headers that nobody can hold.
  ['exec', [{ kind: 'block', type: 1, id: 1, plain: text('\xff\xff\xff\xff') }], true],
  // A name that is longer than its block.
  ['exec', [{ kind: 'block', type: 1, id: 1, plain: text('\0\0\0\x01\x7f\xff\xff\xff') }], true],
  // A stream that ends while it is full, with another opened behind it.
  [
    'portforward',
    [
      { kind: 'open', id: 1, flags: 1, headers: [['streamtype', 'data']] },
      { kind: 'open', id: 3, flags: 0, headers: [] },
    ],
    true,
  ],
  // Data before any stream, and after its end.
  [
    'exec',
    [
      { kind: 'data', id: 1, flags: 1, payload: text('x') },
      { kind: 'open', id: 1, flags: 1, headers: [['streamtype', 'stdin']] },
      { kind: 'data', id: 1, flags: 1, payload: text('y') },
    ],
    true,
  ],
  // Every type with nothing in it.
  ...Array.from({ length: 12 }, (_, type): [keyof typeof URLS, Move[], boolean] => [
    'exec',
    [{ kind: 'control', type, flags: 255, payload: text('') }],
    true,
  ]),
  // A header that is there twice, by case.
  [
    'portforward',
    [
      {
        kind: 'open',
        id: 1,
        flags: 0,
        headers: [
          ['port', '1'],
          ['Port', '2'],
        ],
      },
    ],
    false,
  ],
  // Names that objects have.
  [
    'portforward',
    [
      {
        kind: 'open',
        id: 1,
        flags: 0,
        headers: [
          ['__proto__', 'x'],
          ['constructor', 'y'],
        ],
      },
    ],
    false,
  ],
];

describe('Whatever a client sends over SPDY', () => {
  it('ends its own connection at most: the server serves on, and nothing is left', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<keyof typeof URLS>('exec', 'portforward'),
        fc.array(move, { minLength: 1, maxLength: 12 }),
        fc.boolean(),
        play,
      ),
      { numRuns: 300, examples: SEEDS, interruptAfterTimeLimit: 30_000 },
    );
    await nothingLeft(rig.now);
    await stillServes(rig.now);
  });

  it('that was a proper conversation until a byte was changed ends its own connection at most', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(255), async (at, byte) => {
        const client = await rig.now.spdy(rig.now.execUrl());
        client.strict = false;
        const parts: Buffer[] = [];
        for (const [index, type] of ['error', 'stdin', 'stdout', 'stderr'].entries()) {
          parts.push(synStream(1 + index * 2, await client.block(plainHeaders([['streamtype', type]]))));
        }
        const bytes = Buffer.concat([...parts, data(3, Buffer.from('hello'), 1), control(6, word(1))]);
        bytes[at % bytes.length] = byte;
        client.send(bytes);
        await settle(1);
        client.destroy();
      }),
      { numRuns: 200, interruptAfterTimeLimit: 30_000 },
    );
    await nothingLeft(rig.now);
    await stillServes(rig.now);
  });
});

/** Memory of buffers above what there was, in bytes. */
function growth(): () => number {
  const before = bufferBytes();
  return () => bufferBytes() - before;
}

describe('Memory, whatever a client sends over SPDY, does not grow', () => {
  it('by header blocks that inflate to a thousand times their size', async () => {
    const first = await rig.now.spdy(rig.now.forwardUrl());
    const block = await first.block(Buffer.alloc(16 << 20));
    const grown = growth();
    const clients = [first];
    for (let i = 0; i < 20; i++) clients.push(await rig.now.spdy(rig.now.forwardUrl()));
    for (const client of clients) for (let id = 1; id < 9; id += 2) client.send(synStream(id, block));
    await until('all are cut off', () => clients.every(({ closed }) => closed));
    expect(grown()).toBeLessThan(8 << 20);
  });

  it('by the promise of long frames', async () => {
    const grown = growth();
    const clients: SpdyClient[] = [];
    for (let i = 0; i < 20; i++) clients.push(await rig.now.spdy(rig.now.forwardUrl()));
    for (const client of clients) client.send(Buffer.from([0, 0, 0, 1, 0, 255, 255, 255]));
    for (const client of clients) client.send(Buffer.alloc(1 << 20));
    await until('all is sent', () => clients.every(({ socket }) => socket.writableLength === 0));
    await settle();
    expect(grown()).toBeLessThan(8 << 20);
    for (const client of clients) client.destroy();
  });

  it('by single bytes in large chunks', async () => {
    const client = await rig.now.spdy(rig.now.forwardUrl());
    await client.open({ streamtype: 'data', port: '80', requestid: '1' });
    const padding = Buffer.concat(Array.from({ length: 4000 }, () => control(9, Buffer.concat([word(0), word(1)]))));
    const grown = growth();
    for (let round = 0; round < 300; round++) {
      const drained = client.socket.write(Buffer.concat([data(1, Buffer.from('x')), padding]));
      if (!drained) await new Promise((resolve) => client.socket.once('drain', resolve));
    }
    await client.ping();
    expect(grown()).toBeLessThan(6 << 20); // the chunks, kept whole, would be 18 MiB
    client.destroy();
  });

  it('by streams that are opened and left', async () => {
    const client = await rig.now.spdy(rig.now.forwardUrl());
    const grown = growth();
    for (let i = 0; i < 1500; i++) await client.open({ streamtype: 'error', port: '80', requestid: String(i) });
    await client.ping();
    const refused = [...client.streams.values()].filter(({ reset }) => reset === 3);
    expect(refused).toHaveLength(500);
    expect(grown()).toBeLessThan(8 << 20);
    client.destroy();
    await nothingLeft(rig.now);
  });
});
