/** A part this much smaller than the memory it lies in is copied out of it. */
const WORTH_COPYING = 4;

/**
 * The same bytes, in memory that is not much larger than they are. A part of a chunk keeps all of the chunk: a peer that
 * wraps single bytes in much else would have us hold a thousand times what it may send ahead.
 */
export function keptBytes(part: Buffer): Buffer {
  if (part.length * WORTH_COPYING >= part.buffer.byteLength) return part;
  const copy = Buffer.allocUnsafeSlow(part.length);
  part.copy(copy);
  return copy;
}
