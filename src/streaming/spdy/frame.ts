/** Types of control frames in SPDY/3.1. */
export const FrameType = {
  SYN_STREAM: 1,
  SYN_REPLY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  HEADERS: 8,
  WINDOW_UPDATE: 9,
} as const;

/** Why a stream was reset. */
export const ResetStatus = {
  PROTOCOL_ERROR: 1,
  REFUSED_STREAM: 3,
  CANCEL: 5,
  INTERNAL_ERROR: 6,
} as const;

export const FLAG_FIN = 1;
export const FRAME_HEADER_BYTES = 8;
const CONTROL_BIT = 0x8000_0000;
export const VERSION = 3;
/** Stream ids, and lengths of a data frame. */
export const ID_MASK = 0x7fff_ffff;
export const LENGTH_MASK = 0xff_ffff;

/** Four bytes, most significant first. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

/** A whole control frame. */
export function controlFrame(type: number, ...payload: Buffer[]): Buffer {
  const length = payload.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([uint32(CONTROL_BIT | (VERSION << 16) | type), uint32(length), ...payload]);
}

/** What stands before `length` bytes of a stream's data. */
export function dataHeader(streamId: number, length: number, flags = 0): Buffer {
  return Buffer.concat([uint32(streamId & ID_MASK), uint32((flags << 24) | length)]);
}

/** A stream's data as frames, not copied: headers and what stands behind them. No frame can hold more than 16 MiB. */
export function dataFrames(streamId: number, chunk: Buffer): Buffer[] {
  if (chunk.length <= LENGTH_MASK) return [dataHeader(streamId, chunk.length), chunk];
  const first = chunk.subarray(0, LENGTH_MASK);
  return [dataHeader(streamId, first.length), first, ...dataFrames(streamId, chunk.subarray(LENGTH_MASK))];
}

/** Bytes as zlib stores them uncompressed, ending with the empty block of a sync flush, which Go's reader waits for. */
function stored(bytes: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt16LE(bytes.length, 1);
  head.writeUInt16LE(~bytes.length & 0xffff, 3);
  return Buffer.concat([head, bytes, Buffer.from([0, 0, 0, 0xff, 0xff])]);
}

const ZLIB_HEADER = Buffer.from([0x78, 0x01]);

/**
 * A header block without headers, which is all that our replies carry: hence no deflater. All blocks of a connection are
 * one zlib stream, so the first brings zlib's own two bytes along.
 */
export function emptyHeaderBlock(first: boolean): Buffer {
  return first ? Buffer.concat([ZLIB_HEADER, stored(uint32(0))]) : stored(uint32(0));
}
