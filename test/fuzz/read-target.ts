import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { errorMessage } from '../../src/base/errors';
import type { Input } from './input';
import { costWithin, growth, judge } from './judge';
import { type Kept, keptOf } from './kept';
import { inputs, pumps } from './mutate';
import type { Target } from './target';

/** Inputs between two looks at the clock. */
const BATCH = 100;
/** Inputs that go on and on, for each batch of short ones: they cost more. */
const PUMPS = 3;
/** Memory that a reader may have kept when it has read all: caches of the language itself. */
const MOST_KEPT_BYTES = 8 << 20;

export interface Reading {
  readonly seconds: number;
  readonly seed: number;
  /** How much slower this machine is than the one by which the limits were set. */
  readonly scale: number;
  /** Told of each input before it is read. */
  readonly begins: (input: Input) => void;
}

/** What came of a target. */
export interface Read {
  readonly inputs: number;
  /** Milliseconds of processor time for the largest inputs, the most of all. */
  readonly slowestMs: number;
  /** What failed, to be kept. */
  readonly failed: readonly Kept[];
}

/** Lets a target read what once failed, its seeds, and then whatever chance makes of them, until its time is over or it fails. */
export async function readTarget(target: Target, how: Reading): Promise<Read> {
  const run = new Run(target, how);
  const failed = await run.all().catch((error: unknown) => [{ why: errorMessage(error), ...run.last }]);
  return { inputs: run.inputs, slowestMs: run.slowestMs, failed };
}

class Run {
  inputs = 0;
  slowestMs = 0;
  last: Input = { before: '' };

  constructor(
    private readonly target: Target,
    private readonly how: Reading,
  ) {}

  async all(): Promise<Kept[]> {
    const { target, how } = this;
    for (const kept of keptOf(target.name)) await this.timed(kept);
    for (const seed of target.seeds) await this.read({ before: seed });
    const until = performance.now() + how.seconds * 1000;
    let used: number | undefined;
    for (let round = 0; round === 0 || performance.now() < until; round++) {
      const seed = (how.seed + round) | 0;
      const failure = (await this.batch(seed)) ?? (await this.stretch(seed));
      if (failure) return [failure];
      // What is compiled and cached at first is none of the inputs' doing.
      if (round % 8 === 4) used ??= bytesInUse();
    }
    const grown = bytesInUse() - (used ?? Number.POSITIVE_INFINITY);
    if (grown > MOST_KEPT_BYTES) throw new Error(`${target.name} has kept ${grown} bytes of what it has read`);
    return [];
  }

  private async read(input: Input): Promise<void> {
    this.begin(input);
    await judge(this.target, input);
  }

  private async timed(input: Input): Promise<void> {
    this.begin(input);
    await costWithin(this.target, input, this.how.scale);
  }

  /** The smallest input that fails, of a batch. */
  private async batch(seed: number): Promise<Kept | undefined> {
    const property = fc.asyncProperty(inputs(this.target), (input) => this.read(input));
    const { counterexample, errorInstance } = await fc.check(property, { seed, numRuns: BATCH });
    return counterexample ? { why: errorMessage(errorInstance), ...counterexample[0] } : undefined;
  }

  private async stretch(seed: number): Promise<Kept | undefined> {
    for (const pump of fc.sample(pumps(this.target), { seed, numRuns: PUMPS })) {
      this.begin(pump);
      try {
        this.slowestMs = Math.max(this.slowestMs, await growth(this.target, pump, this.how.scale));
      } catch (error) {
        return { why: errorMessage(error), ...(await this.barest(pump)), times: timesIn(error, pump) };
      }
    }
    return undefined;
  }

  /** Without what stands around the piece, when it fails so, too. */
  private async barest(pump: Input): Promise<Input> {
    const bare = { before: '', piece: pump.piece, times: 1 };
    try {
      await growth(this.target, bare, this.how.scale);
      return pump;
    } catch {
      return bare;
    }
  }

  private begin(input: Input): void {
    this.inputs++;
    this.last = input;
    this.how.begins(input);
  }
}

/** How often the piece stood there when it failed. */
function timesIn(error: unknown, { piece = '' }: Input): number {
  const bytes = Number(/for (\d+) bytes/.exec(errorMessage(error))?.[1] ?? 1 << 16);
  return Math.max(1, Math.floor(bytes / Math.max(1, piece.length)));
}

/** Memory that is in use once garbage is collected. */
function bytesInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
