/** Smaller parts are copied together: each costs more than its bytes, and a message may have very many. */
const LARGE_BYTES = 64 * 1024;
/** Copying so many bytes takes a fraction of a millisecond. */
const JOINED_BYTES = 1024 * 1024;

/** The parts one behind the other, in few buffers, at least one: small ones put together, large ones where they are. */
export function joined(parts: readonly Uint8Array[]): Buffer[] {
  const all: Buffer[] = [];
  let small: Uint8Array[] = [];
  let bytes = 0;
  const close = (): void => {
    if (small.length > 0) all.push(Buffer.concat(small));
    small = [];
    bytes = 0;
  };
  for (const part of parts) {
    if (part.length >= LARGE_BYTES) {
      close();
      all.push(Buffer.from(part.buffer, part.byteOffset, part.byteLength));
      continue;
    }
    small.push(part);
    bytes += part.length;
    if (bytes >= JOINED_BYTES) close();
  }
  close();
  return all.length > 0 ? all : [Buffer.alloc(0)];
}
