import { createHistogram } from 'node:perf_hooks';
import type { Logger } from './logger';

/** Nobody should wait longer than this for the event loop, in milliseconds: a piece of work at its limit takes half of it. */
const HELD_MS = 100;
/** How often the loop is looked at while something runs, and while nothing does: one timer, which keeps no process alive. */
const BUSY_PERIOD_MS = 50;
const IDLE_PERIOD_MS = 1000;
/** The log tells of a held loop at most this often; the line says how many were not told. */
const LOG_EVERY_MS = 60_000;
/** An hour: longer ones count as this. */
const LONGEST_MS = 3_600_000;

/** What ran, since when on the clock of `performance.now`, and for how long of the time that the loop was late. */
interface Ran {
  readonly what: string;
  readonly at: number;
  readonly heldMs: number;
}

/** How often the event loop was held up for over 100 ms, and for how long at worst. */
export interface LoopHeld {
  readonly times: number;
  readonly worstMs: number;
}

/**
 * Notices when the event loop stands still, and logs what ran. A timer that fires late shows how long; what ran is whatever
 * was entered last before or while it was late. In a call that goes on after a wait, that is the last thing any call
 * entered. The log line has the processor time too: with little of it the machine, not crisp, was busy.
 */
export class LoopWatch {
  private readonly log: Logger;
  private readonly now: () => number;
  private readonly held = createHistogram({ lowest: 1, highest: LONGEST_MS, figures: 2 });
  private timer?: NodeJS.Timeout;
  private due = Number.POSITIVE_INFINITY;
  private busy = false;
  private last: Ran = { what: 'the start', at: 0, heldMs: 0 };
  private longest?: Ran;
  private cpu = process.cpuUsage();
  private loggedAt = Number.NEGATIVE_INFINITY;
  private untold = 0;

  /** `now` is for tests: milliseconds on a clock that never goes back. */
  constructor({ log, now = () => performance.now() }: { log: Logger; now?: () => number }) {
    this.log = log;
    this.now = now;
  }

  /** From now on the loop is watched, until `stop`. */
  start(): void {
    this.lookIn(IDLE_PERIOD_MS);
  }

  /** Afterwards nothing is watched any more. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.due = Number.POSITIVE_INFINITY;
  }

  /** Says what runs from now on, for example `RunPodSandbox: reserve the name`. Costs less than a microsecond. */
  enter(what: string): void {
    const now = this.now();
    if (now > this.due) this.charge(now);
    this.last = { what, at: now, heldMs: 0 };
    if (this.busy) return;
    this.busy = true;
    // A timer that is late already will fire at the end of this turn.
    if (this.timer && now < this.due) this.lookIn(BUSY_PERIOD_MS);
  }

  /** What was seen since the start. */
  get heldUp(): LoopHeld {
    const { count, max } = this.held;
    return { times: count, worstMs: count === 0 ? 0 : max };
  }

  /** Counts the time from when the loop was late, or the last thing was entered, until now as the last thing's. */
  private charge(now: number): void {
    const heldMs = now - Math.max(this.last.at, this.due);
    if (heldMs > (this.longest?.heldMs ?? 0)) this.longest = { ...this.last, heldMs };
  }

  private look(): void {
    const now = this.now();
    const lateMs = now - this.due;
    const cpu = process.cpuUsage();
    if (lateMs >= HELD_MS) {
      this.charge(now);
      this.tell(now, lateMs, (cpu.user + cpu.system - this.cpu.user - this.cpu.system) / 1000);
    }
    this.longest = undefined;
    this.cpu = cpu;
    const period = this.busy ? BUSY_PERIOD_MS : IDLE_PERIOD_MS;
    this.busy = false;
    this.lookIn(period);
  }

  private tell(now: number, lateMs: number, cpuMs: number): void {
    this.held.record(Math.min(LONGEST_MS, Math.round(lateMs)));
    if (now - this.loggedAt < LOG_EVERY_MS) {
      this.untold += 1;
      return;
    }
    const { what, at } = this.longest ?? this.last;
    this.log.warn('the event loop was held up', {
      ms: Math.round(lateMs),
      cpuMs: Math.round(cpuMs),
      ran: what,
      enteredMsAgo: Math.round(now - at),
      ...(this.untold > 0 && { untold: this.untold }),
    });
    this.loggedAt = now;
    this.untold = 0;
  }

  private lookIn(ms: number): void {
    clearTimeout(this.timer);
    this.due = this.now() + ms;
    this.timer = setTimeout(() => this.look(), ms).unref();
  }
}
