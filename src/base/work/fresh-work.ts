/**
 * Shares work among those who ask at the same time, and answers each with what was begun after it asked. At most one run
 * is under way and one waits, however many ask.
 */
export function freshWork<T>(act: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> | undefined;
  let next: Promise<T> | undefined;
  const begin = (): Promise<T> => {
    next = undefined;
    const run = act();
    running = run
      .catch(() => undefined)
      .finally(() => {
        running = undefined;
      });
    return run;
  };
  return () => {
    if (next) return next;
    if (!running) return begin();
    next = running.then(begin);
    return next;
  };
}
