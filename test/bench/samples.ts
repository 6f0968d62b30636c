/** What was measured: values by metric, then by contestant, in the order in which they came. */
export class Samples {
  private readonly values = new Map<string, Map<string, number[]>>();

  add(metric: string, contestant: string, value: number): void {
    const byContestant = this.values.get(metric) ?? new Map<string, number[]>();
    this.values.set(metric, byContestant);
    const sample = byContestant.get(contestant) ?? [];
    byContestant.set(contestant, sample);
    sample.push(value);
  }

  /** Runs it and adds the milliseconds that it took. */
  async time<T>(metric: string, contestant: string, act: () => Promise<T>): Promise<T> {
    const started = performance.now();
    const result = await act();
    this.add(metric, contestant, performance.now() - started);
    return result;
  }

  of(metric: string, contestant: string): readonly number[] {
    return this.values.get(metric)?.get(contestant) ?? [];
  }

  /** Metrics that somebody has values of. */
  metrics(): string[] {
    return [...this.values.keys()];
  }
}
