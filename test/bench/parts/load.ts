import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bigImage } from '../../support/daemon/images/catalog';
import { buildTools } from '../../support/daemon/tools';
import { BUSYBOX } from '../../support/node/node';
import { inFlight } from '../in-flight';
import type { BenchPod, Kubelet } from '../kubelet';
import { quantile, turns } from '../statistics';
import type { Bench } from './part';

/** How many clients are busy at a time, each with a connection of its own. */
export const CLIENTS = [200, 500] as const;
const PODS = 20;
const IN_FLIGHT = 5;
const MAX_REPORT_BYTES = 256 << 20;

/** What the load's program prints (load/main.go): times in milliseconds. */
export interface LoadReport {
  readonly calls: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly connect: readonly number[] | null;
  readonly newcomer: readonly number[] | null;
  readonly rpcs: Readonly<Record<string, readonly number[]>>;
}

/**
 * Twenty pods, and clients that make one call after the other: lists, status, ExecSync, pulls. The load is a program at low
 * priority, so that it waits for the server and not the other way round. Each contestant has the machine to itself.
 */
export async function load(bench: Bench): Promise<void> {
  const program = join(buildTools(['load']).load, 'load');
  await bench.registry.push([bigImage()]);
  const pods = new Map<Kubelet, BenchPod[]>();
  for (const kubelet of bench.kubelets)
    pods.set(kubelet, await inFlight(Array.from({ length: PODS }), IN_FLIGHT, () => kubelet.startPod('other')));
  for (const [round, clients] of CLIENTS.entries()) {
    const reports = new Map<string, LoadReport>();
    for (const [kubelet, running] of turns([...pods], round)) {
      bench.say(`${kubelet.server.name}: ${clients} clients`);
      const report = await once(bench, program, { kubelet, running, clients });
      reports.set(kubelet.server.name, report);
      note(bench, kubelet.server.name, clients, report);
    }
    bench.tables.set(`${clients} busy clients`, loadTable(reports));
  }
  for (const [kubelet, running] of pods)
    await inFlight(running, IN_FLIGHT, async (pod) => {
      await kubelet.stopPod('other', pod);
      await kubelet.removePod('other', pod);
    });
}

async function once(
  { options }: Bench,
  program: string,
  { kubelet, running, clients }: { kubelet: Kubelet; running: readonly BenchPod[]; clients: number },
): Promise<LoadReport> {
  const [fresh = ''] = bigImage().names;
  const argv = [
    ...['-n', '19', program, '-socket', kubelet.server.socket],
    ...['-clients', String(clients), '-seconds', String(options.loadSeconds)],
    ...[
      '-pods',
      running.map(({ id }) => id).join(','),
      '-containers',
      running.map(({ containerId }) => containerId).join(','),
    ],
    ...['-image', BUSYBOX, '-fresh', `docker.io/${fresh}`],
  ];
  const { stdout } = await promisify(execFile)('nice', argv, { maxBuffer: MAX_REPORT_BYTES });
  return JSON.parse(stdout) as LoadReport;
}

function note({ samples }: Bench, name: string, clients: number, report: LoadReport): void {
  const add = (metric: string, values: readonly number[]): void => {
    for (const value of values) samples.add(`load.${clients}.${metric}`, name, value);
  };
  add('failed', [failuresOf(report)]);
  add('connect', [Math.max(0, ...(report.connect ?? []))]);
  add('newcomer', [Math.max(0, ...(report.newcomer ?? []))]);
  add('listPods', report.rpcs.ListPodSandbox ?? []);
  add('listContainers', report.rpcs.ListContainers ?? []);
  add('exec', report.rpcs.ExecSync ?? []);
}

function failuresOf({ failures }: LoadReport): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

/** Each contestant's times beside the others': p50, p99 and the longest; and what failed. */
export function loadTable(reports: ReadonlyMap<string, LoadReport>): string {
  const all = [...reports.values()];
  const rpcs = [...new Set(all.flatMap((report) => Object.keys(report.rpcs)))].sort();
  const timesOf = (report: LoadReport): Readonly<Record<string, readonly number[]>> => ({
    ...report.rpcs,
    'connecting, all at once': report.connect ?? [],
    'a new connection and Version, meanwhile': report.newcomer ?? [],
  });
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const head = ['', ...[...reports.keys()].flatMap((name) => [`${name}: number`, 'p50 ms', 'p99 ms', 'longest ms'])];
  const lines = ['connecting, all at once', 'a new connection and Version, meanwhile', ...rpcs].map((name) =>
    row([name, ...all.flatMap((report) => cellsOf(timesOf(report)[name] ?? []))]),
  );
  const failed = [...reports].flatMap(([name, { failures }]) =>
    Object.entries(failures).map(([what, count]) => `- ${name}: ${count} × ${what}`),
  );
  const sums = row(['calls', ...all.flatMap(({ calls }) => [String(calls), '', '', ''])]);
  const failures = row(['failures', ...all.flatMap((report) => [String(failuresOf(report)), '', '', ''])]);
  return [
    row(head),
    row(head.map((_, at) => (at === 0 ? '---' : '---:'))),
    sums,
    failures,
    ...lines,
    ...(failed.length > 0 ? ['', ...failed] : []),
  ].join('\n');
}

function cellsOf(times: readonly number[]): string[] {
  if (times.length === 0) return ['0', '', '', ''];
  const longest = times.reduce((most, each) => Math.max(most, each), 0);
  return [
    String(times.length),
    ...[quantile(times, 0.5), quantile(times, 0.99), longest].map((ms) => ms.toFixed(ms < 10 ? 1 : 0)),
  ];
}
