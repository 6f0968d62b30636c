import { errorMessage } from '../../src/base/errors';
import { Seeded } from '../chaos/seeded';
import type { ContainerdVersion } from '../support/daemon/containerd';
import { callName } from './calls';
import { isOk } from './report';
import { derivedRows, drawn, fileRowsOf, kindsOf, type Row, rowsOf } from './rows';
import { type Outcome, type Pace, runRow } from './run-row';
import { StartNode } from './start-node';

export interface CampaignOptions {
  readonly version: ContainerdVersion;
  readonly seed: number;
  /** How many rows, chosen by the seed; undefined: all. */
  readonly rows: number | undefined;
  /** Only rows whose name matches. */
  readonly only?: RegExp;
  readonly pace: Pace;
  /** Asked before each row; true ends it all. */
  readonly over?: () => boolean;
  /** Told how many rows there are, and how many of them are run, before those for calls that only faults bring about. */
  readonly planned?: (all: number, chosen: number) => void;
  /** Told of each row as it ends. */
  readonly tell: (outcome: Outcome) => void;
}

/** Runs many rows on one node, on another once pods were harmed, and answers what came of each. */
export async function runCampaign(options: CampaignOptions): Promise<Outcome[]> {
  const campaign = new Campaign(options);
  try {
    await campaign.run();
  } finally {
    await campaign.end();
  }
  return campaign.outcomes;
}

/** Of a drawn part, so many rows in ten are of calls that only another fault brings about. */
const DERIVED_TENTHS = 2;

class Campaign {
  readonly outcomes: Outcome[] = [];
  private readonly random: Seeded;
  private readonly derived: Row[] = [];
  private readonly known = new Set<string>();
  private start: StartNode | undefined;

  constructor(private readonly options: CampaignOptions) {
    this.random = new Seeded(options.seed);
  }

  async run(): Promise<void> {
    const { rows: count, only } = this.options;
    const start = await this.node();
    const what = ['start', 'containerd restart'] as const;
    const kinds = [kindsOf(start.clean, start.pods), kindsOf(start.cleanRestart, start.pods)];
    for (const kind of kinds.flat()) this.known.add(callName(kind));
    const all = [
      ...kinds.flatMap((each, i) =>
        rowsOf(each, start.pods, { random: this.random.fork(), what: what[i] ?? 'start', gallery: start.gallery }),
      ),
      ...fileRowsOf([...start.files.keys()]),
    ].filter(({ name }) => only?.test(name) ?? true);
    const first = count === undefined ? all : drawn(all, Math.ceil((count * (10 - DERIVED_TENTHS)) / 10), this.random);
    this.options.planned?.(all.length, first.length);
    for (const row of first) await this.one(row);
    const second = count === undefined ? this.derived : drawn(this.derived, count - first.length, this.random);
    for (const row of [...second]) await this.one(row);
  }

  async end(): Promise<void> {
    const start = this.start;
    this.start = undefined;
    if (!start) return;
    const name = 'at the end: every pod is removed';
    const none = { name, harmed: [], misled: [], stuck: [], missed: false, idle: [], log: [], ms: 0 };
    const left = await start.stop().catch((error: unknown) => errorMessage(error));
    this.add({ ...none, harmed: left === '0' ? [] : [`left: ${left}`] });
  }

  private async one(row: Row): Promise<void> {
    if (this.options.over?.()) return;
    const start = await this.node();
    const outcome = await runRow(start, row, this.options.pace);
    this.add(outcome);
    const unknown = kindsOf(start.seen, start.pods).filter((kind) => !this.known.has(callName(kind)));
    // A file whose content was lost has been written anew: its times are others from then on.
    if (row.file && isOk(outcome)) start.truth = await start.ask();
    // What is asked of pods that are being torn down says nothing more.
    if (row.faults.length === 1 && outcome.harmed.length === 0)
      this.derived.push(...derivedRows(row, unknown, this.random));
    for (const kind of unknown) this.known.add(callName(kind));
    if (outcome.harmed.length > 0) await this.drop();
    else if (outcome.stuck.length > 0) await this.startAgain(start);
  }

  /** What is stuck until the next start must be right after it. */
  private async startAgain(start: StartNode): Promise<void> {
    const name = `${this.outcomes.at(-1)?.name}; then a start without a fault`;
    const outcome = await runRow(start, { name, faults: [], what: 'start' }, this.options.pace);
    if (outcome.harmed.length + outcome.misled.length + outcome.stuck.length === 0) return;
    this.add(outcome);
    await this.drop();
  }

  private add(outcome: Outcome): void {
    this.outcomes.push(outcome);
    this.options.tell(outcome);
  }

  private async node(): Promise<StartNode> {
    this.start ??= await StartNode.start(this.options.version);
    return this.start;
  }

  /** Pods that were harmed say nothing about the next row. */
  private async drop(): Promise<void> {
    const start = this.start;
    this.start = undefined;
    await start?.stop().catch(() => undefined);
  }
}
