/** Settles as `ended` does, with true, or resolves with false after `timeoutMs` if that is sooner. Infinity: no limit. */
export function endedOrLate(ended: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    // A timer cannot wait longer than 2^31-1 ms: a longer one would fire at once.
    const limited = timeoutMs < 2 ** 31;
    const timer = limited ? setTimeout(() => resolve(false), timeoutMs) : undefined;
    ended.then(
      () => {
        clearTimeout(timer);
        resolve(true);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
