import type { Metrics } from '../../base/metrics';
import type { Count } from '../../stdio/messages';

/** Counts on behalf of another process, to which they are told now and then. */
export class CountBuffer implements Metrics {
  private readonly counts = new Map<string, Count>();

  count(name: string, labels?: Record<string, string>, by = 1): void {
    const key = `${name} ${JSON.stringify(labels ?? {})}`;
    this.counts.set(key, { name, labels, by: (this.counts.get(key)?.by ?? 0) + by });
  }

  /** Nothing here is timed. */
  time(): void {}

  /** Hands over what has been counted since the last time, if anything. */
  flush(tell: (counted: Count[]) => void): void {
    if (this.counts.size === 0) return;
    tell([...this.counts.values()]);
    this.counts.clear();
  }
}
