import { median } from '../statistics';
import { rounded } from './table';

/** What one RPC took, by what it did. */
export interface TracedCall {
  readonly method: string;
  readonly ms: number;
  /** In the order in which they ended: steps of its story, calls of containerd, runs of CNI plugins. */
  readonly parts: readonly {
    readonly kind: 'step' | 'containerd' | 'cni';
    readonly name: string;
    readonly ms: number;
  }[];
}

/**
 * Reads a crisp's log of debug lines, one JSON object each, as calls with their parts. Calls must have come one at a time:
 * whatever was done since the last answer belongs to the next.
 */
export function tracedCalls(log: string): TracedCall[] {
  const calls: TracedCall[] = [];
  let parts: TracedCall['parts'][number][] = [];
  for (const text of log.split('\n').filter((line) => line.startsWith('{'))) {
    const line = JSON.parse(text) as Record<string, unknown>;
    const [ms, method] = [Number(line.ms), String(line.method).split('/').at(-1) ?? ''];
    if (line.message === 'did a step') parts.push({ kind: 'step', name: String(line.step), ms });
    else if (line.message === 'called containerd' && serviceMethod(line.method) !== BESIDE)
      parts.push({ kind: 'containerd', name: serviceMethod(line.method), ms });
    else if (line.message === 'called a CNI plugin')
      parts.push({ kind: 'cni', name: `${line.plugin} ${line.command}`, ms });
    else if (line.message === 'served') {
      calls.push({ method, ms, parts });
      parts = [];
    }
  }
  return calls;
}

/** A wait for a task's end goes on beside everything else: it is no part of a call's time. */
const BESIDE = 'Tasks.Wait';

/** `Tasks.Create` of `containerd.services.tasks.v1.Tasks/Create`. */
function serviceMethod(path: unknown): string {
  return String(path).split('.').at(-1)?.replace('/', '.') ?? '';
}

/** Where the time of these RPCs goes, as a Markdown table: medians over all calls, in milliseconds. */
export function breakdownTable(calls: readonly TracedCall[], methods: readonly string[]): string {
  const lines = methods.flatMap((method) => {
    const mine = calls.filter((call) => call.method === method);
    return mine.length === 0 ? [] : linesOf(method, mine);
  });
  return ['| | calls | ms | of it |', '|---|---:|---:|---:|', ...lines].join('\n');
}

function linesOf(method: string, calls: readonly TracedCall[]): string[] {
  const whole = median(calls.map(({ ms }) => ms));
  const line = (name: string, count: string, ms: number): string =>
    `| ${name} | ${count} | ${rounded(ms)} | ${((100 * ms) / whole).toFixed(0)} % |`;
  const sums = (kind: string): number[] =>
    calls.map(({ parts }) => parts.filter((part) => part.kind === kind).reduce((sum, { ms }) => sum + ms, 0));
  const [containerd, cni] = [sums('containerd'), sums('cni')];
  const rest = calls.map(({ ms }, i) => ms - (containerd[i] ?? 0) - (cni[i] ?? 0));
  const named = (kind: string): string[] => {
    const names = [
      ...new Set(calls.flatMap(({ parts }) => parts.filter((p) => p.kind === kind).map(({ name }) => name))),
    ];
    return names.map((name) => {
      const of = calls.map(({ parts }) => parts.filter((part) => part.kind === kind && part.name === name));
      const count = median(of.map((some) => some.length));
      return line(
        `&nbsp;&nbsp;${name}`,
        String(count),
        median(of.map((some) => some.reduce((sum, { ms }) => sum + ms, 0))),
      );
    });
  };
  const steps = named('step');
  return [
    line(`**${method}**`, String(calls.length), whole),
    line('*calls of containerd*', '', median(containerd)),
    ...named('containerd'),
    line('*CNI plugins*', '', median(cni)),
    ...named('cni'),
    line('*everything else*', '', median(rest)),
    ...(steps.length > 0 ? ['| *the same by step* | | | |', ...steps] : []),
  ];
}
