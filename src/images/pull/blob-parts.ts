/** Where the parts of a blob come from. */
export interface PartSource {
  /** The bytes from `from` up to `to`, whole. */
  part(from: bigint, to: bigint, signal: AbortSignal): Promise<Buffer>;
  /** Leave to fetch one more part at the same time, to be given back; undefined: not now. */
  takeSlot(): (() => void) | undefined;
}

/**
 * A blob from `from` on, in parts of so many bytes that are fetched side by side and come in their order. One is always
 * fetched, others as there are slots, and as many parts are in memory at most. When the reader leaves, or a part fails,
 * the others are given up.
 */
export async function* inParts(
  source: PartSource,
  { from, size, partBytes }: { from: bigint; size: bigint; partBytes: number },
): AsyncGenerator<Buffer> {
  const leaving = new AbortController();
  const fetching: Promise<Buffer>[] = [];
  let next = from;
  const fetchNext = (giveBack: () => void): void => {
    const to = next + BigInt(partBytes) < size ? next + BigInt(partBytes) : size;
    const part = source.part(next, to, leaving.signal).finally(giveBack);
    part.catch(() => undefined); // it may fail before its turn
    fetching.push(part);
    next = to;
  };
  try {
    while (fetching.length > 0 || next < size) {
      if (fetching.length === 0) fetchNext(() => undefined);
      for (let slot = next < size ? source.takeSlot() : undefined; slot; ) {
        fetchNext(slot);
        slot = next < size ? source.takeSlot() : undefined;
      }
      const first = fetching.shift();
      if (first) yield await first;
    }
  } finally {
    leaving.abort(new Error('the other parts of the blob are not wanted any more'));
    await Promise.allSettled(fetching);
  }
}
