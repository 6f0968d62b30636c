/**
 * Does the act for every item, at most `limit` at a time, in order; answers what they answered. After an error nothing more
 * is begun; it is thrown once what was begun has ended.
 */
export async function inFlight<T, R>(items: readonly T[], limit: number, act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  const errors: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (const [at, item] of rest) {
      if (errors.length > 0) return;
      try {
        results[at] = await act(item);
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (errors.length > 0) throw errors[0];
  return results;
}
