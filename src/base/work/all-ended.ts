/** Waits until all of these have ended, well or not; then rejects with the first one's reason that failed, in their order. */
export async function allEnded(running: readonly Promise<unknown>[]): Promise<void> {
  const ended = await Promise.allSettled(running);
  const broken = ended.find((end) => end.status === 'rejected');
  if (broken) throw broken.reason;
}
