const LEAST_TRIES = 10;
const LEAST_MS = 10 * 60_000;

/**
 * When to stop trying a DEL. A plugin that is gone for good would keep a pod terminating for ever; one that is away for
 * a while (its agent restarts, the node boots) must get its chance: so it takes many tries over a long time.
 */
export class GiveUp {
  private readonly failures = new Map<string, { tries: number; since: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Counts a failure; true when it is time to give up. */
  failed(id: string): boolean {
    const { tries, since } = this.failures.get(id) ?? { tries: 0, since: this.now() };
    this.failures.set(id, { tries: tries + 1, since });
    return tries + 1 >= LEAST_TRIES && this.now() - since >= LEAST_MS;
  }

  /** Forgets the failures of `id`. */
  forget(id: string): void {
    this.failures.delete(id);
  }
}
