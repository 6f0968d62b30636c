import { setTimeout as pause } from 'node:timers/promises';

import type { Message } from '../support/daemon/daemon-methods';
import type { Planner, ProxiedCall, Treatment } from '../support/daemon/fault-proxy';
import { Fault, faultName } from './fault';
import { linesOf, logEnds, wrongLogs } from './log-lines';
import type { Row } from './rows';
import type { StartNode } from './start-node';
import { type Blur, compare, NO_BLUR, type Told, type Verdict } from './truth';
import { missing } from './world';

/** What a row came to; each list is empty when all went well. */
export interface Outcome {
  readonly name: string;
  readonly harmed: string[];
  readonly misled: string[];
  readonly stuck: string[];
  /** No call was hit: the start did not make it this time. */
  readonly missed: boolean;
  /** Faults that hit no call. */
  readonly idle: string[];
  readonly log: string[];
  readonly ms: number;
}

const EVERY_MS = 250;
/** All must be right so long to count as right. */
const STEADY_MS = 1000;
const HEALS_MS = 25_000;
/** A start asks all that it will ask within this. */
const ASKS_MS = { start: 2500, 'containerd restart': 8000 };
/** A call that is passed on late comes so late. */
const HANG_MS = 3000;
/** While all is not right, what is gone is looked for so often. */
const LOOKS_EVERY_MS = 3000;

export interface Pace {
  /** How long a fault lasts, in milliseconds. */
  readonly lastsMs: number;
  /** The same for calls that are never answered, which crisp gives up after a while of its own. */
  readonly neverMs: number;
  /** How long a call is waited for that a fault can hit; else as long as crisp needs for that when it has a processor. */
  readonly asksMs?: number;
}

/** Lets one start go wrong and looks at what comes of it. Afterwards the fault is lifted; crisp runs if it can. */
export async function runRow(start: StartNode, row: Row, pace: Pace): Promise<Outcome> {
  const from = Date.now();
  const logFrom = start.logEnd;
  const faults = row.faults.map((spec) => new Fault(spec, start.pods, start.gallery, HANG_MS));
  const hit = (): boolean => row.file !== undefined || faults.some(({ hits }) => hits > 0);
  const file = row.file && (await start.spoil(row.file));
  const watch = new Watch(start, blurOf(start, row, faults));
  let began = 0;
  const begun = begin(start, row, faults).then(() => {
    began = Date.now();
  });
  const lasts = row.faults.some(({ kind }) => kind.kind === 'never') ? pace.neverMs : pace.lastsMs;
  const once = faults.length > 0 && row.faults.every(({ where, kind }) => where.once && !HOLDS.has(kind.kind));
  // One call that went wrong has done so for good; what comes of it is looked at until all is right.
  const lastsFor = (): number => (hit() ? (once ? 0 : lasts) : (pace.asksMs ?? ASKS_MS[row.what]));
  await watch.look(() => began > 0 && Date.now() - began > lastsFor());
  await begun;
  const mended = file?.mend() ?? true;
  for (const fault of faults) fault.lift();
  const stuck = await watch.untilRight(!mended || row.file?.fault === 'gone');
  const harmed = await harmOf(start);
  const missed = row.file ? file === undefined : row.faults.length > 0 && !hit();
  const idle = row.faults.filter((_, i) => faults[i]?.hits === 0).map(faultName);
  const log = start.logSince(logFrom);
  return { name: row.name, harmed, misled: watch.misled, stuck, missed, idle, log, ms: Date.now() - from };
}

const HOLDS: ReadonlySet<string> = new Set(['never', 'hangs']);

function begin(start: StartNode, { what }: Row, faults: readonly Fault[]): Promise<void> {
  const plan: Planner = (call) => treatmentOf(call, faults);
  return what === 'start' ? start.begin(plan) : start.restartContainerd(plan);
}

/** The first fault that wants the call has it, with all others that spoil items of the same answer. */
function treatmentOf(call: ProxiedCall, faults: readonly Fault[]): Treatment | undefined {
  const changes: Extract<Treatment, { kind: 'rewrite' }>[] = [];
  for (const fault of faults) {
    if (changes.length > 0 && !fault.rewrites) continue;
    const treatment = fault.plan(call);
    if (treatment?.kind === 'rewrite') changes.push(treatment);
    else if (treatment) return treatment;
  }
  const [first] = changes;
  return (
    first && {
      ...first,
      change: (answers: Message[]) => changes.reduce((changed, { change }) => change(changed), answers),
    }
  );
}

/** A status file that cannot be read says nothing of when its container began, nor that it ended. */
function blurOf({ pods }: StartNode, { file }: Row, faults: readonly Fault[]): Blur {
  const container = /containers\/(.*)\/status$/.exec(file?.path ?? '')?.[1];
  const of = pods.flatMap(({ containers }) => containers).filter(({ role }) => role === container);
  const blurred = new Set([...faults.flatMap((fault) => [...fault.blurred]), ...of.map(({ id }) => id)]);
  return { blurred, lost: new Set(of.filter(({ runs }) => !runs).map(({ id }) => id)) };
}

/** What is gone; looked at again for a moment, as what is only being replaced comes back. */
async function harmOf(start: StartNode): Promise<string[]> {
  const look = (): string[] => [...missing(start.world, start.lookAtWorld()), ...wrongLogs(start.pods)].map(start.role);
  let harm = look();
  for (let tries = 0; tries < 3 && harm.length > 0; tries += 1) {
    await pause(500);
    harm = look();
  }
  return harm;
}

/** What is gone, told wrong or not answered right now, while nothing goes wrong. */
export async function wrongNow(start: StartNode): Promise<string[]> {
  const { misled, failed } = compare(start.truth, await start.ask(), NO_BLUR, start.role);
  return [...(await harmOf(start)), ...misled, ...failed];
}

/** Asks as kubelet does, again and again, and keeps what was told wrong. */
class Watch {
  private readonly wrong = new Map<string, number>();
  private readonly began = Date.now();

  constructor(
    private readonly start: StartNode,
    private readonly blur: Blur,
  ) {}

  /** What was told wrong, with when it was told first, in milliseconds since the start. */
  get misled(): string[] {
    return [...this.wrong].map(([what, ms]) => `${what} (after ${ms} ms)`);
  }

  /** Looks until it is over. */
  async look(over: () => boolean): Promise<void> {
    while (!over()) {
      await this.once(this.blur);
      await pause(EVERY_MS);
    }
  }

  /** Looks until all is right and stays so for a while; answers what was not right in the end. */
  async untilRight(lost: boolean): Promise<string[]> {
    const limit = Date.now() + HEALS_MS;
    const logs = logEnds(this.start.pods);
    let right = Date.now();
    let last: string[] = [];
    let looked = Date.now();
    while (Date.now() < limit) {
      // What is told a moment after the fault may still be of the time of the fault.
      const { misled, failed } = await this.once(this.blur);
      last = [...failed, ...misled];
      if (this.start.endedBy) return [this.start.endedBy];
      if (last.length === 0) last = await this.exactly(logs, lost);
      if (last.length > 0) right = Date.now();
      else if (Date.now() - right > STEADY_MS) return [];
      if (Date.now() - looked > LOOKS_EVERY_MS) {
        // What has been destroyed does not get right by waiting.
        if ((await harmOf(this.start)).length > 0) return last;
        looked = Date.now();
      }
      await pause(EVERY_MS);
    }
    return last.length > 0 ? last : ['it does not stay right'];
  }

  /** What is wrong when all must be known again, and logs go on. */
  private async exactly(logs: ReadonlyMap<string, number>, lost: boolean): Promise<string[]> {
    const { blurred } = this.blur;
    // What was lost with a file that was gone stays lost.
    const verdict = blurred.size > 0 && !lost ? await this.verdict(NO_BLUR) : { misled: [], failed: [] };
    const stopped = this.start.pods
      .flatMap(({ containers }) => containers)
      .filter(({ role, logPath }) => logs.has(role) && linesOf(logPath).last <= (logs.get(role) ?? 0));
    return [...verdict.failed, ...verdict.misled, ...stopped.map(({ role }) => `the log of ${role} does not go on`)];
  }

  private async once(blur: Blur): Promise<Verdict> {
    const verdict = await this.verdict(blur);
    for (const what of verdict.misled) if (!this.wrong.has(what)) this.wrong.set(what, Date.now() - this.began);
    return verdict;
  }

  private async verdict(blur: Blur): Promise<Verdict> {
    const told: Told = await this.start.ask();
    return compare(this.start.truth, told, blur, this.start.role);
  }
}
