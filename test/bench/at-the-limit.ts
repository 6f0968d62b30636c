import { turnsOfLargeContainer } from '../support/large-container';
import { longestPiece, PIECES } from '../support/pieces-at-the-limit';

/** Of the stories of a container. */
const RUNS = 5;

/**
 * How long work that a request sizes holds the event loop at the limit, in milliseconds of processor time: the least of some
 * runs. First each piece by itself; then the longest turn in stories of a container with 65,536 variables, before a containerd
 * in this very process. `node test/support/run-typescript.mjs test/bench/at-the-limit.ts [WORD]`: what has the word in its name.
 */
export async function main([word = '']: string[]): Promise<void> {
  for (const [what, act] of PIECES.filter(([name]) => name.includes(word))) tell(what, longestPiece(act));
  const least = new Map<string, number>();
  for (let run = 0; run < RUNS; run++) {
    for (const [story, ms] of await turnsOfLargeContainer()) {
      const what = `a container with 65,536 variables is ${story}`;
      least.set(what, Math.min(ms, least.get(what) ?? ms));
    }
  }
  for (const [what, ms] of least) if (what.includes(word)) tell(what, ms);
}

function tell(what: string, ms: number): void {
  process.stdout.write(`${ms.toFixed(1).padStart(8)} ms  ${what}\n`);
}
