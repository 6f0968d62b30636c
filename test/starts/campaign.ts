import { errorMessage } from '../../src/base/errors';
import type { ContainerdVersion } from '../support/daemon/containerd';
import { Seeded } from '../support/seeded';
import { type CallKind, callName } from './calls';
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
  /** How many nodes there are (1). Most of a row is waiting. */
  readonly atOnce?: number;
  /** Asked before each row; true ends it all. */
  readonly over?: () => boolean;
  /** Told how many rows there are, and how many of them are run, before those for calls that only faults bring about. */
  readonly planned?: (all: number, chosen: number) => void;
  /** Told of each row as it ends. */
  readonly tell: (outcome: Outcome) => void;
}

/**
 * Runs many rows on so many nodes at once, on another once pods of one were harmed, and answers what came of each. On every
 * node the pods are the same, by their roles.
 */
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
  private readonly lanes: readonly Lane[];

  constructor(private readonly options: CampaignOptions) {
    this.random = new Seeded(options.seed);
    const tell = (outcome: Outcome): void => {
      this.outcomes.push(outcome);
      options.tell(outcome);
    };
    this.lanes = Array.from({ length: options.atOnce ?? 1 }, () => new Lane({ ...options, tell }));
  }

  async run(): Promise<void> {
    const { rows: count, only } = this.options;
    const [lane] = this.lanes;
    if (!lane) throw new Error('rows are run on one node at least');
    const start = await lane.node();
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
    await this.runAll(first);
    await this.runAll(count === undefined ? this.derived : drawn(this.derived, count - first.length, this.random));
  }

  async end(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.end()));
  }

  /** Each node takes the next row as it is done with one. */
  private async runAll(rows: readonly Row[]): Promise<void> {
    const left = [...rows];
    const one = async (lane: Lane): Promise<void> => {
      for (let row = left.shift(); row && !this.options.over?.(); row = left.shift()) {
        const ran = await lane.one(row);
        const unknown = ran.called.filter((kind) => !this.known.has(callName(kind)));
        // What is asked of pods that are being torn down says nothing more.
        if (row.faults.length === 1 && !ran.harmed) this.derived.push(...derivedRows(row, unknown, this.random));
        for (const kind of unknown) this.known.add(callName(kind));
      }
    };
    await Promise.all(this.lanes.map(one));
  }
}

/** One node, on which one row runs after the other. */
class Lane {
  private start: StartNode | undefined;

  constructor(private readonly options: Pick<CampaignOptions, 'version' | 'pace' | 'tell'>) {}

  async node(): Promise<StartNode> {
    this.start ??= await StartNode.start(this.options.version);
    return this.start;
  }

  /** Answers the kinds of calls that crisp made, and whether pods were harmed. */
  async one(row: Row): Promise<{ readonly called: readonly CallKind[]; readonly harmed: boolean }> {
    const start = await this.node();
    const outcome = await runRow(start, row, this.options.pace);
    this.options.tell(outcome);
    const called = kindsOf(start.seen, start.pods);
    // A file whose content was lost has been written anew: its times are others from then on.
    if (row.file && isOk(outcome)) start.truth = await start.ask();
    const harmed = outcome.harmed.length > 0;
    if (harmed) await this.drop();
    else if (outcome.stuck.length > 0) await this.startAgain(start, outcome.name);
    return { called, harmed };
  }

  async end(): Promise<void> {
    const start = this.start;
    this.start = undefined;
    if (!start) return;
    const name = 'at the end: every pod is removed';
    const none = { name, harmed: [], misled: [], stuck: [], missed: false, idle: [], log: [], ms: 0 };
    const left = await start.stop().catch((error: unknown) => errorMessage(error));
    this.options.tell({ ...none, harmed: left === '0' ? [] : [`left: ${left}`] });
  }

  /** What is stuck until the next start must be right after it. */
  private async startAgain(start: StartNode, after: string): Promise<void> {
    const name = `${after}; then a start without a fault`;
    const outcome = await runRow(start, { name, faults: [], what: 'start' }, this.options.pace);
    if (outcome.harmed.length + outcome.misled.length + outcome.stuck.length === 0) return;
    this.options.tell(outcome);
    await this.drop();
  }

  /** Pods that were harmed say nothing about the next row. */
  private async drop(): Promise<void> {
    const start = this.start;
    this.start = undefined;
    await start?.stop().catch(() => undefined);
  }
}
