import { inTurn } from '../base/work/divided-work';
import { EncodedMessage } from '../rpc/service';

/** Items in one message of a Stream RPC. */
const BATCH = 500;
/**
 * Bytes after which a message is full; the last item may go beyond. kubelet takes messages of up to 16 MiB, and a pod's labels
 * and annotations may have 2 MiB.
 */
const BATCH_BYTES = 1024 * 1024;

/**
 * The items in batches of at least one, each item once; nothing at all when there are none. `encode` writes a message with
 * one item: messages put one behind the other are one with the items of all. The event loop is not held by many items.
 */
export async function* batches<T>(
  items: readonly T[],
  encode: (item: T) => Uint8Array | Promise<Uint8Array>,
): AsyncIterable<EncodedMessage> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for (const item of items) {
    const part = await inTurn(() => encode(item));
    parts.push(part);
    bytes += part.length;
    if (parts.length < BATCH && bytes < BATCH_BYTES) continue;
    yield new EncodedMessage(Buffer.concat(parts));
    [parts, bytes] = [[], 0];
  }
  if (parts.length > 0) yield new EncodedMessage(Buffer.concat(parts));
}
