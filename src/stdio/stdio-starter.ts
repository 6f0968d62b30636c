import { errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import { Backoff, sleep } from '../base/wait/backoff';

/** A process that was started; it may not have got as far as to serve yet. */
export interface StartedStdio {
  /** Undefined when it could not be started. */
  readonly pid: number | undefined;
  /** Ends it at once. */
  kill(): void;
}

/** Who holds the lock of crisp-stdio. */
export interface LockHolder {
  /** 0 when it is not known. */
  readonly pid: number;
  /**
   * It was killed, and a thread of it is held up in the kernel. Nothing of it runs any more; the lock is there for another
   * process to take.
   */
  readonly dying?: boolean;
}

/** How crisp-stdio is started. */
export interface StartStdio {
  /**
   * Starts a process that serves at the socket. One that is there already is replaced, or else makes the new one end.
   * `onEnd` is called once, later, when it has ended or could not be started after all. May throw.
   */
  start(how: { replace: boolean }, onEnd: (why: string) => void): StartedStdio;
  /** The process that holds the lock of crisp-stdio; undefined when it is free. */
  holder(): Promise<LockHolder | undefined>;
  /** Whether a process was killed, though it may not be gone. Absent: those that are killed are gone. */
  isDying?(pid: number): boolean;
}

export interface StarterLimits {
  /** Pauses between one try and the next, in milliseconds. */
  readonly pause: { readonly firstMs: number; readonly maxMs: number };
  /** The same for tries in a row of which none has served: no container would be read the sooner. */
  readonly unservedPause: { readonly firstMs: number; readonly maxMs: number };
  /** How long a process may take until it serves before it is killed, in milliseconds; longer with each try. */
  readonly patience: { readonly firstMs: number; readonly maxMs: number };
  /** A process that has served for so long was a good one: the next try counts as a first one. */
  readonly goodAfterMs: number;
}

/** How often a process of another build is looked at while it is being replaced. */
const REPLACING_LOOK_MS = 2000;

const LIMITS: StarterLimits = {
  pause: { firstMs: 50, maxMs: 2000 },
  unservedPause: { firstMs: 50, maxMs: 30_000 },
  patience: { firstMs: 60_000, maxMs: 600_000 },
  goodAfterMs: 5000,
};

/** Every process that ends looks like one that is dying for a moment. */
const DYING_MS = 300;

/** A process that has been waited for since a time. */
interface Awaited {
  readonly pid: number;
  readonly since: number;
}

interface Child extends StartedStdio {
  readonly startedAt: number;
  served: boolean;
  dyingSince?: number;
}

/**
 * Starts crisp-stdio while it is not there. There is one process at most that does not serve yet: no other is started
 * while one that was started lives, or while any process holds the lock. Each try, whatever becomes of it, is followed by
 * a pause; pauses grow until a process has served for a while. All of it is logged, and nothing here throws.
 */
export class StdioStarter {
  private readonly limits: StarterLimits;
  private readonly pauses: Backoff;
  private readonly unserved: Backoff;
  private readonly patience: Backoff;
  private patienceMs: number;
  private child: Child | undefined;
  private servingSince: number | undefined;
  private awaited: Awaited | undefined;
  private nextAt = 0;
  private tries = 0;
  private stopped = false;

  constructor(
    private readonly options: StartStdio & { readonly log: Logger },
    limits: Partial<StarterLimits> = {},
  ) {
    this.limits = { ...LIMITS, ...limits };
    this.pauses = new Backoff(this.limits.pause);
    this.unserved = new Backoff(this.limits.unservedPause);
    this.patience = new Backoff(this.limits.patience);
    this.patienceMs = this.patience.next();
  }

  /** To be called again and again while nobody serves. Starts a process when it is time to. */
  async ensureStarted(): Promise<void> {
    if (this.stopped) return;
    this.forgetDying();
    if (this.child) {
      this.wait(this.child.pid ?? 0);
      return;
    }
    if (Date.now() < this.nextAt) return;
    const holder = await this.holder();
    if (holder && !holder.dying) this.wait(holder.pid);
    else this.launch(false);
  }

  /** Whether the lock is held by a process that was killed: it listens, and never answers. */
  async isHolderDying(): Promise<boolean> {
    return (await this.holder())?.dying === true;
  }

  /**
   * To be called again and again while a process of another build serves. Starts one of ours when it is time to; resolves
   * after a moment, or when the other one is gone.
   */
  async ensureReplaced(old: { readonly pid: number; readonly closed: Promise<void> }, signal: AbortSignal) {
    this.forgetDying();
    if (this.child) this.wait(this.child.pid ?? 0);
    else if (Date.now() >= this.nextAt && !this.stopped) {
      this.options.log.info('crisp-stdio is of another build, replacing it', { pid: old.pid });
      this.launch(true);
    }
    const ms = this.child ? REPLACING_LOOK_MS : Math.min(Math.max(this.nextAt - Date.now(), 1), REPLACING_LOOK_MS);
    await Promise.race([old.closed, sleep(ms, signal).catch(() => undefined)]);
  }

  /** A process serves us now. */
  serving(): void {
    this.servingSince = Date.now();
    this.awaited = undefined;
    this.unserved.reset();
    if (this.child) this.child.served = true;
  }

  /** It serves us no more. */
  lost(): void {
    if (this.servingSince !== undefined && Date.now() - this.servingSince >= this.limits.goodAfterMs) this.reset();
    this.servingSince = undefined;
  }

  /** Nothing is started any more. */
  stop(): void {
    this.stopped = true;
  }

  /** Nothing is started any more, and what does not serve yet is killed, which loses no output: it must read none. */
  stopAndKill(): void {
    this.stop();
    if (this.child && !this.child.served) this.child.kill();
  }

  private reset(): void {
    this.pauses.reset();
    this.patience.reset();
    this.patienceMs = this.patience.next();
    this.tries = 0;
    this.nextAt = 0;
  }

  private launch(replace: boolean): void {
    const { log } = this.options;
    this.tries += 1;
    try {
      // The end of an earlier process may be told after the next one was started: that is not the end of this one.
      const onEnd = (why: string): void => (this.child === child ? this.ended(why) : undefined);
      const started = this.options.start({ replace }, onEnd);
      const child: Child = { pid: started.pid, kill: () => started.kill(), startedAt: Date.now(), served: false };
      this.child = child;
      log.info('crisp-stdio is started', { pid: started.pid, try: this.tries });
    } catch (error) {
      const againInMs = this.pauseUnserved(0);
      log.error('crisp-stdio cannot be started', { error: errorMessage(error), try: this.tries, againInMs });
    }
  }

  private ended(why: string): void {
    const { child } = this;
    this.child = undefined;
    this.awaited = undefined;
    this.lost();
    // A try that takes long, as on a busy machine, is followed by a pause as long: half of the time is left to others.
    const againInMs = child?.served ? this.pause(0) : this.pauseUnserved(child ? Date.now() - child.startedAt : 0);
    const { log } = this.options;
    if (this.stopped) log.info('crisp-stdio ended', { pid: child?.pid, why });
    else log.warn('crisp-stdio ended', { pid: child?.pid, why, againInMs });
  }

  private pauseUnserved(lastedMs: number): number {
    return this.pause(Math.max(this.unserved.next(), Math.min(lastedMs, this.limits.unservedPause.maxMs)));
  }

  /** Puts off the next try; answers for how long. */
  private pause(atLeastMs: number): number {
    const ms = Math.max(this.pauses.next(), atLeastMs);
    this.nextAt = Date.now() + ms;
    return ms;
  }

  /** Its end will not be told before the kernel lets go of it. */
  private forgetDying(): void {
    const { child } = this;
    if (child?.pid === undefined || !this.options.isDying?.(child.pid)) return;
    child.dyingSince ??= Date.now();
    if (Date.now() - child.dyingSince >= DYING_MS) this.ended('killed, while a disk holds up a thread of it');
  }

  private async holder(): Promise<LockHolder | undefined> {
    try {
      return await this.options.holder();
    } catch (error) {
      this.options.log.warn('the lock of crisp-stdio cannot be read', { error: errorMessage(error) });
      return undefined; // a process that is started finds out
    }
  }

  /** A process lives that does not serve: it is given time, more with each try, and then killed, which loses no output. */
  private wait(pid: number): void {
    if (this.awaited?.pid !== pid) this.awaited = { pid, since: Date.now() };
    const waitedMs = Date.now() - this.awaited.since;
    if (waitedMs < this.patienceMs) return;
    this.patienceMs = this.patience.next();
    this.awaited = undefined;
    this.options.log.error('crisp-stdio does not serve, killing it', { pid, waitedMs });
    if (this.child) this.child.kill();
    else this.killHolder(pid);
  }

  private killHolder(pid: number): void {
    const againInMs = this.pauseUnserved(0);
    try {
      if (pid > 0) process.kill(pid, 'SIGKILL');
    } catch (error) {
      this.options.log.warn('crisp-stdio cannot be killed', { pid, error: errorMessage(error), againInMs });
    }
  }
}
