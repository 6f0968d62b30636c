import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { constants, deflateSync } from 'node:zlib';
import { headerDictionary } from '../../../src/streaming/spdy/dictionary';
import { controlFrame, dataFrames, uint32 } from '../../../src/streaming/spdy/frame';
import { FrameReader } from '../../../src/streaming/spdy/frame-reader';
import { HeaderInflater, parseHeaders } from '../../../src/streaming/spdy/header-block';
import { SPDY_LIMITS, SpdyError } from '../../../src/streaming/spdy/limits';
import { TerminalSizes } from '../../../src/streaming/terminal-sizes';
import { plainHeaders } from '../../support/streaming/spdy-client';
import { latin } from '../input';
import { COMMON_TOKENS, either, JSON_TOKENS, type Target } from '../target';

const HEADERS = plainHeaders([
  ['streamtype', 'stdin'],
  ['port', '8080'],
  ['requestid', '1'],
]);
/** As clients do it: the stream of headers goes on with the next block. */
const HOW = { dictionary: headerDictionary(), finishFlush: constants.Z_SYNC_FLUSH };
const DEFLATED = deflateSync(HEADERS, HOW);
const SIZE = '{"Width":80,"Height":24}';
const NUMBERS = ['\0\0\0\0', '\0\0\0\x01', '\x7f\xff\xff\xff', '\xff\xff\xff\xff', '\x80\x03\0\x01', '\0\0\0\x10'];

const terminalSizes: Target = {
  name: 'streaming/terminal-sizes',
  seeds: [SIZE, `${SIZE}\n{"width":1,"height":2}`, '{"Width":65535,"Height":65535,"Depth":{"a":[1]}}'],
  tokens: [...COMMON_TOKENS, ...JSON_TOKENS, '}{', '}}}}', SIZE],
  async read(bytes) {
    const from = new PassThrough();
    const sizes = new TerminalSizes(from);
    let fine = true;
    sizes.onResize(({ width, height }) => {
      fine &&= width > 0 && height > 0 && width <= 65_535 && height <= 65_535;
    });
    // As it comes off the wire: the first part alone, and the rest in pieces.
    const cut = bytes.length >> 1;
    from.write(bytes.subarray(0, cut));
    for (let at = cut; at < bytes.length; at += 1 << 16) from.write(bytes.subarray(at, at + (1 << 16)));
    from.end();
    from.resume();
    await finished(from);
    if (!fine) throw new Error('a size that is none');
  },
};

const frames: Target = {
  name: 'streaming/spdy-frames',
  seeds: [
    latin(
      Buffer.concat([controlFrame(1, uint32(1), uint32(0), Buffer.from([0, 0]), DEFLATED), ...dataFrames(1, HEADERS)]),
    ),
    latin(Buffer.concat([controlFrame(6, uint32(1)), controlFrame(9, uint32(1), uint32(65_536))])),
    latin(Buffer.concat([controlFrame(7, uint32(0), uint32(0)), controlFrame(4, uint32(0))])),
  ],
  tokens: NUMBERS,
  refuses: either(SpdyError),
  read(bytes) {
    const ignore = (): void => undefined;
    let held = 0;
    const reader = new FrameReader(
      { onData: ignore, onFin: ignore, onControl: (type) => (type === 6 && held++ < 3 ? reader.hold() : undefined) },
      SPDY_LIMITS.controlBytes,
    );
    // One byte, then what is left: headers arrive in pieces.
    reader.read(bytes.subarray(0, 1));
    reader.read(bytes.subarray(1));
    for (let i = 0; i < 4; i++) reader.release();
  },
};

const headers: Target = {
  name: 'streaming/spdy-headers',
  seeds: [
    latin(HEADERS),
    latin(
      plainHeaders([
        ['__proto__', 'x'],
        ['constructor', 'y'],
      ]),
    ),
  ],
  tokens: [...NUMBERS, ...COMMON_TOKENS],
  most: SPDY_LIMITS.headerBytes,
  refuses: either(SpdyError),
  read: (bytes) => parseHeaders(bytes, SPDY_LIMITS.headers),
};

const inflated: Target = {
  name: 'streaming/spdy-compressed-headers',
  seeds: [latin(DEFLATED), latin(deflateSync(Buffer.alloc(1 << 20), HOW).subarray(0, 600))],
  tokens: [...NUMBERS, '\x78\x9c', '\0\0\xff\xff', '\x03\0'],
  most: SPDY_LIMITS.controlBytes,
  refuses: either(SpdyError),
  async read(bytes) {
    const inflater = new HeaderInflater(SPDY_LIMITS);
    try {
      await inflater.read(bytes);
      await inflater.read(bytes.subarray(bytes.length >> 1)).catch(() => undefined);
    } finally {
      inflater.close();
    }
  },
};

export const STREAMING: readonly Target[] = [terminalSizes, frames, headers, inflated];
