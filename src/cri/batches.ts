/** Items in one message of a Stream RPC; kubelet takes messages of up to 16 MiB. */
const BATCH = 500;

/** The items in batches of at least one, each item once; nothing at all when there are none. */
export async function* batches<T, M>(items: readonly T[], toMessage: (batch: T[]) => M): AsyncIterable<M> {
  for (let at = 0; at < items.length; at += BATCH) yield toMessage(items.slice(at, at + BATCH));
}
