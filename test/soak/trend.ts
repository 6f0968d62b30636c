import { median } from '../bench/statistics';
import type { Crisp } from '../support/daemon/crisp';
import { contentOf } from '../support/daemon/pod-processes';
import { openFiles, residentBytes } from '../support/node/crisp-process';

const SLICES = 6;
const MB = 1 << 20;
/** Of fewer pods a line says more about the machine than about them. */
const LEAST_PODS = 500;
/** Of fewer it is told, and not judged: V8's heap comes to its size with the first thousand. */
const JUDGED_PODS = 2000;

/** What is measured of crisp and of the process that has the stdio of containers. */
export const MEASURES = [
  'crisp MB',
  'crisp-stdio MB',
  'crisp descriptors',
  'crisp-stdio descriptors',
  'crisp threads',
  'crisp-stdio threads',
] as const;
/** What 1,000 pods may add. A descriptor left in one of two hundred pods adds as much, or eight kilobytes in each. */
const MAY_ADD: Readonly<Record<(typeof MEASURES)[number], number>> = {
  'crisp MB': 8,
  'crisp-stdio MB': 8,
  'crisp descriptors': 5,
  'crisp-stdio descriptors': 5,
  'crisp threads': 2,
  'crisp-stdio threads': 2,
};
type Measures = Readonly<Record<(typeof MEASURES)[number], number>>;

interface Sample {
  readonly atMs: number;
  /** How many pods had come to their end. */
  readonly pods: number;
  readonly measures: Measures;
}

/** A part of the time: what was half-way between more and less in it. */
export interface Slice {
  readonly untilMs: number;
  readonly pods: number;
  readonly medians: Measures;
}

/** Measures two processes again and again, and tells how that changes with the pods that have lived. */
export class Trend {
  private readonly samples: Sample[] = [];
  private readonly beganAt = performance.now();

  /** `pods` have come to their end. Nothing is noted while one of the processes is not there. */
  measure(crisp: Pick<Crisp, 'daemon' | 'stdioPid'>, pods: number): void {
    const measures = measuresOf(crisp.daemon.pid, crisp.stdioPid());
    if (measures) this.add({ atMs: performance.now() - this.beganAt, pods, measures });
  }

  add(sample: Sample): void {
    this.samples.push(sample);
  }

  /** Six equal parts of the time; fewer when there is nothing in some. */
  slices(): Slice[] {
    const end = this.samples.at(-1)?.atMs ?? 0;
    const parts = Array.from({ length: SLICES }, (_, i) => this.samples.filter((each) => sliceOf(each, end) === i));
    return parts
      .filter((part) => part.length > 0)
      .map((part) => ({
        untilMs: part.at(-1)?.atMs ?? 0,
        pods: part.at(-1)?.pods ?? 0,
        medians: ofEach((name) => median(part.map(({ measures }) => measures[name]))),
      }));
  }

  /** How much is added with every 1,000 pods, by a line through all samples but those of the first slice; NaN of too few pods. */
  perThousand(): Measures {
    const end = this.samples.at(-1)?.atMs ?? 0;
    const warm = this.samples.filter((each) => sliceOf(each, end) > 0);
    if ((warm.at(-1)?.pods ?? 0) - (warm[0]?.pods ?? 0) < LEAST_PODS) return ofEach(() => Number.NaN);
    return ofEach((name) => slope(warm.map(({ pods, measures }) => [pods / 1000, measures[name]])));
  }
}

/** What grows faster than it may, of enough pods. */
export function growing(trend: Pick<Trend, 'perThousand' | 'slices'>): string[] {
  if ((trend.slices().at(-1)?.pods ?? 0) < JUDGED_PODS) return [];
  const added = trend.perThousand();
  return MEASURES.filter((name) => added[name] > MAY_ADD[name]).map(
    (name) => `${name}: ${added[name].toFixed(1)} with every 1,000 pods`,
  );
}

/** The slope of the line that is nearest to the points (least squares); NaN when they say nothing about it. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length;
  const [mx, my] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const [above, below] = points.reduce(([xy, xx], [x, y]) => [xy + (x - mx) * (y - my), xx + (x - mx) ** 2] as const, [
    0, 0,
  ] as const);
  return below === 0 ? Number.NaN : above / below;
}

function sliceOf({ atMs }: Sample, end: number): number {
  return Math.min(Math.floor((atMs / Math.max(end, 1)) * SLICES), SLICES - 1);
}

function ofEach(value: (name: (typeof MEASURES)[number]) => number): Measures {
  return Object.fromEntries(MEASURES.map((name) => [name, value(name)])) as Measures;
}

function measuresOf(crisp: number, stdio: number | undefined): Measures | undefined {
  if (stdio === undefined) return undefined;
  try {
    return {
      'crisp MB': residentBytes(crisp) / MB,
      'crisp-stdio MB': residentBytes(stdio) / MB,
      'crisp descriptors': openFiles(crisp).length,
      'crisp-stdio descriptors': openFiles(stdio).length,
      'crisp threads': threadsOf(crisp),
      'crisp-stdio threads': threadsOf(stdio),
    };
  } catch {
    return undefined; // it has ended meanwhile, which is counted elsewhere
  }
}

function threadsOf(pid: number): number {
  return Number(/^Threads:\s+(\d+)$/m.exec(contentOf(`/proc/${pid}/status`))?.[1] ?? Number.NaN);
}
