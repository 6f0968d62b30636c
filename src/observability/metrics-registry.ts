import type { Metrics } from '../base/metrics';

type Labels = Readonly<Record<string, string>>;

/** Upper bounds in seconds: a cheap list takes a millisecond, a pull minutes. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] as const;
/** Label values can come from outside (image names, methods): no metric may grow without end. */
const MAX_SERIES = 1000;

interface Histogram {
  readonly buckets: number[];
  count: number;
  sum: number;
}

/** The series of one kind of metric: by metric name, then by its labels as text. */
type Families<T> = Map<string, Map<string, T>>;

/** Counts and durations since the start of the process, rendered in Prometheus' text format. */
export class MetricsRegistry implements Metrics {
  private readonly counters: Families<{ value: number }> = new Map();
  private readonly histograms: Families<Histogram> = new Map();
  private readonly gauges = new Map<string, () => number>();
  private dropped = 0;

  /** `help` has a line of explanation by metric name. */
  constructor(private readonly help: Readonly<Record<string, string>> = {}) {}

  count(name: string, labels: Labels = {}, by = 1): void {
    const series = this.seriesOf(this.counters, name, labels, () => ({ value: 0 }));
    if (series) series.value += by;
  }

  time(name: string, seconds: number, labels: Labels = {}): void {
    const series = this.seriesOf(this.histograms, name, labels, newHistogram);
    if (!series) return;
    series.count += 1;
    series.sum += seconds;
    const at = BUCKETS.findIndex((bound) => seconds <= bound);
    if (at >= 0) series.buckets[at] = (series.buckets[at] ?? 0) + 1;
  }

  /** Adds a value that is read whenever somebody looks. */
  gauge(name: string, read: () => number): void {
    this.gauges.set(name, read);
  }

  /** All metrics as Prometheus reads them (text format 0.0.4), sorted by name. */
  render(): string {
    const blocks = new Map<string, string[]>();
    for (const [name, series] of this.counters) {
      const lines = [...series].map(([labels, { value }]) => `${name}${braced(labels)} ${value}`);
      blocks.set(name, this.block(name, 'counter', lines));
    }
    for (const [name, series] of this.histograms) {
      blocks.set(
        name,
        this.block(
          name,
          'histogram',
          [...series].flatMap((one) => histogramLines(name, ...one)),
        ),
      );
    }
    for (const [name, read] of this.gauges) blocks.set(name, this.block(name, 'gauge', [`${name} ${read()}`]));
    const dropped = 'crisp_metrics_dropped_total';
    if (this.dropped > 0) blocks.set(dropped, this.block(dropped, 'counter', [`${dropped} ${this.dropped}`]));
    const names = [...blocks.keys()].sort();
    return names.map((name) => `${(blocks.get(name) ?? []).join('\n')}\n`).join('');
  }

  private block(name: string, kind: string, lines: readonly string[]): string[] {
    const help = this.help[name];
    return [...(help === undefined ? [] : [`# HELP ${name} ${escapeHelp(help)}`]), `# TYPE ${name} ${kind}`, ...lines];
  }

  private seriesOf<T>(families: Families<T>, name: string, labels: Labels, make: () => T): T | undefined {
    const family = families.get(name) ?? new Map<string, T>();
    families.set(name, family);
    const key = labelText(labels);
    const known = family.get(key);
    if (known !== undefined) return known;
    if (family.size >= MAX_SERIES) {
      this.dropped += 1;
      return undefined;
    }
    const fresh = make();
    family.set(key, fresh);
    return fresh;
  }
}

const newHistogram = (): Histogram => ({ buckets: BUCKETS.map(() => 0), count: 0, sum: 0 });

function histogramLines(name: string, labels: string, { buckets, count, sum }: Histogram): string[] {
  const before = labels === '' ? '' : `${labels},`;
  let below = 0;
  const lines = BUCKETS.map((bound, at) => {
    below += buckets[at] ?? 0;
    return `${name}_bucket{${before}le="${bound}"} ${below}`;
  });
  const all = `${name}_bucket{${before}le="+Inf"} ${count}`;
  return [...lines, all, `${name}_sum${braced(labels)} ${sum}`, `${name}_count${braced(labels)} ${count}`];
}

/** Labels in the order of their names, so that the order in which a caller writes them does not matter. */
function labelText(labels: Labels): string {
  const names = Object.keys(labels).sort();
  return names.map((name) => `${name}="${escapeValue(labels[name] ?? '')}"`).join(',');
}

const braced = (labels: string): string => (labels === '' ? '' : `{${labels}}`);
const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escapeValue = (text: string): string => escapeHelp(text).replaceAll('"', '\\"');
