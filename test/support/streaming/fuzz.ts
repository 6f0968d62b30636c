import fc from 'fast-check';
import type { StreamingRig } from './rig';
import { control, data, FIN, plainHeaders, type SpdyClient, word } from './spdy-client';
import { until } from './until';

/** One thing that a client does to us; `undefined` in the place of bytes: something that needs the client's compressor. */
export type Move =
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  | { readonly kind: 'control'; readonly type: number; readonly flags: number; readonly payload: Uint8Array }
  | { readonly kind: 'data'; readonly id: number; readonly flags: number; readonly payload: Uint8Array }
  | { readonly kind: 'open'; readonly id: number; readonly flags: number; readonly headers: [string, string][] }
  | { readonly kind: 'block'; readonly type: number; readonly id: number; readonly plain: Uint8Array };

const id = fc.oneof(fc.integer({ min: 0, max: 12 }), fc.nat(0x7fff_ffff));
const flags = fc.oneof(fc.constantFrom(0, FIN, 2, 3), fc.nat(255));
const bytes = fc.uint8Array({ maxLength: 120 });
const name = fc.oneof(
  fc.constantFrom('streamtype', 'port', 'requestid', 'StreamType', ''),
  fc.string({ maxLength: 9 }),
);
const value = fc.oneof(
  fc.constantFrom('error', 'stdin', 'stdout', 'stderr', 'resize', 'data', '1', '80', '65536', '-1'),
  fc.string({ maxLength: 12 }),
);

/** What a client may do, from a proper stream to noise. */
export const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({ kind: fc.constant('raw' as const), bytes }),
  fc.record({
    kind: fc.constant('control' as const),
    type: fc.oneof(fc.nat(12), fc.nat(65_535)),
    flags,
    payload: bytes,
  }),
  fc.record({ kind: fc.constant('data' as const), id, flags, payload: bytes }),
  fc.record({
    kind: fc.constant('open' as const),
    id,
    flags,
    headers: fc.array(fc.tuple(name, value), { maxLength: 5 }),
  }),
  fc.record({ kind: fc.constant('block' as const), type: fc.constantFrom(1, 2, 8), id, plain: bytes }),
);

/** The bytes of a move. */
export async function bytesOf(client: SpdyClient, made: Move): Promise<Buffer> {
  switch (made.kind) {
    case 'raw':
      return Buffer.from(made.bytes);
    case 'control':
      return control(made.type, Buffer.from(made.payload), made.flags);
    case 'data':
      return data(made.id, Buffer.from(made.payload), made.flags);
    case 'open':
      return synStream(made.id, await client.block(plainHeaders(made.headers)), made.flags);
    case 'block': {
      const block = await client.block(Buffer.from(made.plain));
      if (made.type === 1) return synStream(made.id, block);
      return control(made.type, Buffer.concat([word(made.id), block]));
    }
  }
}

/** A stream opened by hand: right or wrong. */
export function synStream(streamId: number, block: Buffer, flag = 0): Buffer {
  return control(1, Buffer.concat([word(streamId), word(0), Buffer.from([0, 0]), block]), flag);
}

/** The server serves on: a proper client is answered, by either transport. */
export async function stillServes(rig: StreamingRig): Promise<void> {
  const before = rig.runtime.onExec;
  rig.runtime.onExec = async ({ stdout }) => {
    await new Promise((resolve) => stdout?.write('served', resolve));
    return 0;
  };
  try {
    const spdy = await rig.spdy(rig.execUrl(), 'v4.channel.k8s.io');
    const { stdout } = await spdy.openAll('error', 'stdin', 'stdout', 'stderr');
    expect(await stdout.all()).toBe('served');
    spdy.destroy();
    const webSocket = await rig.webSocket(rig.execUrl(), 'v5.channel.k8s.io');
    await webSocket.end();
    expect(webSocket.text(1)).toBe('served');
  } finally {
    rig.runtime.onExec = before;
  }
}

/** Afterwards nothing that a client brought about is going on any more. */
export async function nothingLeft(rig: StreamingRig): Promise<void> {
  await until('every client is gone', () => rig.server.connectionCount === 0);
  await until('nothing runs', () => rig.runtime.running === 0);
}
