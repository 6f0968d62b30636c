/** Does the act for every item, at most `limit` at a time, in order; answers what they answered. The first error ends it. */
export async function inFlight<T, R>(items: readonly T[], limit: number, act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  const worker = async (): Promise<void> => {
    for (const [at, item] of rest) results[at] = await act(item);
  };
  const workers = Array.from({ length: limit }, worker);
  const settled = await Promise.allSettled(workers);
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
  return results;
}
