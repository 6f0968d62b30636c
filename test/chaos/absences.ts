import { readFileSync } from 'node:fs';

/** An exit is told in so many seconds, on a machine that is busy. */
const TOLD_S = 1;

/** Since the machine began, in seconds: a clock that containers and their node share, and that nobody sets. */
export function uptime(): number {
  return Number.parseFloat(readFileSync('/proc/uptime', 'utf8'));
}

/** When a daemon was not there to hear of anything, by the machine's uptime. */
export class Absences {
  private readonly spans: { readonly from: number; to: number }[] = [];

  constructor(private readonly clock: () => number = uptime) {}

  /** From the call to the end of `act`. */
  async during(act: () => Promise<void>): Promise<void> {
    const span = { from: this.clock(), to: Number.POSITIVE_INFINITY };
    this.spans.push(span);
    await act();
    span.to = this.clock();
  }

  toString(): string {
    return `absences: ${this.spans.map(({ from, to }) => `${from} to ${to}`).join(', ')}`;
  }

  /** Whether what happened then could not be told. */
  cover(at: number): boolean {
    return this.spans.some(({ from, to }) => at >= from - TOLD_S && at <= to);
  }
}
