const MOST_TRIES = 5;
const MOST_MS = 5 * 60_000;

/**
 * When a DEL that fails is no longer waited for: a pod must be able to end. What it would have released stays in the cache
 * of attachments, where the sweep finds it, so giving up here loses nothing.
 */
export class GiveUp {
  private readonly failures = new Map<string, { tries: number; since: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Counts a failure; true when it is time to give up. */
  failed(id: string): boolean {
    const { tries, since } = this.failures.get(id) ?? { tries: 0, since: this.now() };
    this.failures.set(id, { tries: tries + 1, since });
    return tries + 1 >= MOST_TRIES || this.now() - since >= MOST_MS;
  }

  /** Forgets the failures of `id`. */
  forget(id: string): void {
    this.failures.delete(id);
  }
}
