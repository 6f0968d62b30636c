const MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
/** One segment, its size in four bytes; no dictionary, no checksum. */
const DESCRIPTOR = 0xa0;
const MAX_BLOCK = 128 << 10;

/** A zstd frame (RFC 8878) in which nothing is compressed: Node 20 has no zstd, and readers take it like any other. */
export function zstdFrame(data: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(data.length);
  const blocks: Buffer[] = [];
  for (let at = 0; at < data.length || at === 0; at += MAX_BLOCK) {
    const block = data.subarray(at, at + MAX_BLOCK);
    const last = at + MAX_BLOCK >= data.length ? 1 : 0;
    const head = Buffer.alloc(3);
    head.writeUIntLE(last | (block.length << 3), 0, 3); // type 0: raw
    blocks.push(head, block);
  }
  return Buffer.concat([MAGIC, Buffer.of(DESCRIPTOR), size, ...blocks]);
}
