import { readFileSync } from 'node:fs';

/** An exit is told in so many seconds, on a machine that is busy. */
const TOLD_S = 1;
/** So late at most crisp asks again about what it waits for: an end before that is told only if the daemon stays till then. */
const ASKED_AGAIN_S = 5;

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
    return this.spans.some(({ from, to }, i) => {
      const next = this.spans[i + 1];
      const again = next !== undefined && next.from - to <= ASKED_AGAIN_S;
      return at >= from - TOLD_S && at <= (again ? next.from : to);
    });
  }
}
