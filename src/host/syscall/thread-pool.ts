import { Worker } from 'node:worker_threads';
import type { Logger } from '../../base/logger';
import { within } from '../../base/wait/deadline';

/** How one call is to be made. */
export interface ThreadCallOptions {
  /** What the call does and to what (a path, mostly), for the log and for errors; left out: its name, to nothing. */
  readonly what?: string;
  readonly subject?: string;
  /** The caller gives up after so many milliseconds; the call itself cannot be stopped. Left out: never. */
  readonly timeoutMs?: number;
  /** The caller gives up when it fires. */
  readonly signal?: AbortSignal;
  /** A call of the same name and subject that is under way is not made again: its outcome is this one's. */
  readonly shared?: boolean;
  /** Waits until no other call does. */
  readonly background?: boolean;
  /** May wait for something that is not on this machine (a dead mount): refused while too many such calls are held up. */
  readonly remote?: boolean;
  /** Called when the call ends after every caller has given up: with its output, or undefined when it failed. */
  readonly late?: (output: unknown) => void;
}

/** Threads on which calls are made that the kernel may hold up. */
export interface Threads {
  /** Runs the named call on another thread; settles as the call does. Rejects with a DeadlineError, or with the signal's reason. */
  run(name: string, input: unknown, options?: ThreadCallOptions): Promise<unknown>;
  /** Starts the first thread, so that the first call need not wait for it. */
  warmUp(): void;
  /** Where calls that are held up are logged from now on. */
  reportTo(log: Logger): void;
}

/** What a thread is sent: one call at a time. */
export interface ThreadRequest {
  readonly name: string;
  readonly input: unknown;
}

/** What it answers. `thrown` is an error in the form of thread-errors.ts. */
export type ThreadReply = { readonly output: unknown } | { readonly thrown: unknown };

export interface ThreadPoolOptions {
  /** The file that a thread runs; it answers each ThreadRequest with a ThreadReply. */
  readonly program: string;
  /** Ends this process at once, without waiting for its threads. */
  readonly exitNow: (code: number) => void;
  readonly limits?: Partial<PoolLimits>;
}

export interface PoolLimits {
  /** A call that has run so long is held up: its thread counts as lost until it returns, and another may be started. */
  readonly heldUpMs: number;
  /** When every thread has been at its call for so long, another is started. */
  readonly growMs: number;
  /** A thread that had nothing to do for so long ends, unless it is the last one. */
  readonly idleMs: number;
  /** Threads that are not held up. */
  readonly active: number;
  /** Calls to remote filesystems that are held up at the same time; further ones are refused. */
  readonly heldUp: number;
}

const LIMITS: PoolLimits = { heldUpMs: 2000, growMs: 25, idleMs: 10_000, active: 4, heldUp: 16 };

interface Task extends ThreadRequest {
  readonly options: ThreadCallOptions;
  readonly key: string | undefined;
  readonly outcome: Promise<unknown>;
  settle(reply: ThreadReply): void;
  /** How many wait for it. */
  callers: number;
  /** By performance.now(); 0: not yet. */
  startedAt: number;
  heldUp: boolean;
}

interface Thread {
  readonly worker: Worker;
  task: Task | undefined;
  timer: NodeJS.Timeout | undefined;
  online: boolean;
}

/**
 * A few threads of our own, each making one call at a time. Node's pool of four threads serves all files, so what a dead
 * mount may hold up has no place there. A thread that the kernel holds up cannot be stopped: another takes its place until
 * it returns. Threads start with the first call and keep no process alive that has nothing else to do.
 */
export class ThreadPool implements Threads {
  private readonly limits: PoolLimits;
  private readonly threads = new Set<Thread>();
  private readonly urgent: Task[] = [];
  private readonly background: Task[] = [];
  private readonly shared = new Map<string, Task>();
  private log: Logger | undefined;
  private growTimer: NodeJS.Timeout | undefined;
  private exitWatched = false;

  constructor(private readonly options: ThreadPoolOptions) {
    this.limits = { ...LIMITS, ...options.limits };
  }

  reportTo(log: Logger): void {
    this.log = log;
  }

  warmUp(): void {
    if (this.threads.size === 0) this.rest(this.start());
  }

  async run(name: string, input: unknown, options: ThreadCallOptions = {}): Promise<unknown> {
    options.signal?.throwIfAborted();
    const key = options.shared ? `${name} ${options.subject}` : undefined;
    const task = (key === undefined ? undefined : this.shared.get(key)) ?? this.queue(name, input, { ...options }, key);
    task.callers++;
    try {
      return await this.waitFor(task, options);
    } finally {
      task.callers--;
      this.forgetIfQueued(task);
    }
  }

  /** How many threads there are, and how many of them are held up. */
  get size(): { threads: number; heldUp: number } {
    return { threads: this.threads.size, heldUp: this.heldUpTasks().length };
  }

  private async waitFor(task: Task, { timeoutMs, signal }: ThreadCallOptions): Promise<unknown> {
    if (timeoutMs === undefined && signal === undefined) return task.outcome;
    return within(timeoutMs ?? Number.POSITIVE_INFINITY, describe(task), () => task.outcome, signal);
  }

  private queue(name: string, input: unknown, options: ThreadCallOptions, key: string | undefined): Task {
    let settle: Task['settle'] = () => undefined;
    const outcome = new Promise<unknown>((resolve, reject) => {
      settle = (reply) => ('output' in reply ? resolve(reply.output) : reject(reply.thrown));
    });
    outcome.catch(() => undefined); // its callers may all have given up
    const task: Task = { name, input, options, key, outcome, settle, callers: 0, startedAt: 0, heldUp: false };
    if (key !== undefined) this.shared.set(key, task);
    (options.background ? this.background : this.urgent).push(task);
    this.pump();
    return task;
  }

  /** A call that has not begun and that nobody waits for any more is not made. */
  private forgetIfQueued(task: Task): void {
    if (task.callers > 0 || task.startedAt > 0) return;
    for (const queue of [this.urgent, this.background]) {
      const at = queue.indexOf(task);
      if (at >= 0) queue.splice(at, 1);
    }
    this.forget(task);
  }

  private forget(task: Task): void {
    if (task.key !== undefined && this.shared.get(task.key) === task) this.shared.delete(task.key);
  }

  private pump(): void {
    clearTimeout(this.growTimer);
    for (let next = this.urgent[0] ?? this.background[0]; next; next = this.urgent[0] ?? this.background[0]) {
      const thread = this.idleThread() ?? (this.mayGrow() ? this.start() : undefined);
      if (!thread) {
        // Whichever call ends first pumps again; the timer is for when none does.
        this.growTimer = setTimeout(() => this.pump(), this.limits.growMs);
        return;
      }
      (this.urgent[0] ? this.urgent : this.background).shift();
      const refused = this.refusal(next);
      if (refused) this.finish(next, { thrown: refused });
      else this.give(thread, next);
    }
  }

  private idleThread(): Thread | undefined {
    return [...this.threads].find(({ task }) => task === undefined);
  }

  /** Dead mounts must not take every thread there may be: what is on this machine goes on. */
  private refusal(task: Task): Error | undefined {
    const held = task.options.remote ? this.heldUpTasks().filter(({ options }) => options.remote) : [];
    const [first] = held;
    if (first === undefined || held.length < this.limits.heldUp) return undefined;
    return new Error(`${describe(task)}: not tried, since ${held.length} such calls hang, ${describe(first)} for one`);
  }

  private mayGrow(): boolean {
    const active = [...this.threads].flatMap(({ task }) => (task && !task.heldUp ? [task] : []));
    const { heldUp, active: most } = this.limits;
    if (this.threads.size >= heldUp + 2 * most) return false;
    const since = performance.now() - this.limits.growMs;
    return active.length < most && active.every(({ startedAt }) => startedAt <= since);
  }

  private start(): Thread {
    this.endByForce();
    const worker = new Worker(this.options.program, {
      // A descriptor that a call answers belongs to its caller.
      trackUnmanagedFds: false,
      resourceLimits: { maxYoungGenerationSizeMb: 2 },
    });
    const thread: Thread = { worker, task: undefined, timer: undefined, online: false };
    worker.on('online', () => {
      thread.online = true;
      if (thread.task) this.watch(thread, thread.task);
    });
    worker.on('message', (reply: ThreadReply) => this.done(thread, reply));
    worker.on('error', (error) => this.lost(thread, error.message));
    worker.on('exit', (code) => this.lost(thread, `it ended with code ${code}`));
    worker.unref();
    this.threads.add(thread);
    return thread;
  }

  private give(thread: Thread, task: Task): void {
    clearTimeout(thread.timer);
    thread.task = task;
    thread.worker.ref();
    // A thread that is being started holds up nothing yet.
    task.startedAt = Number.POSITIVE_INFINITY;
    if (thread.online) this.watch(thread, task);
    thread.worker.postMessage({ name: task.name, input: task.input } satisfies ThreadRequest);
  }

  private watch(thread: Thread, task: Task): void {
    task.startedAt = performance.now();
    clearTimeout(thread.timer);
    thread.timer = setTimeout(() => this.holdUp(thread, task), this.limits.heldUpMs);
    thread.timer.unref();
  }

  private holdUp(thread: Thread, task: Task): void {
    task.heldUp = true;
    thread.worker.unref();
    const { heldUpMs } = this.limits;
    this.log?.warn('the kernel holds up a call; another thread takes over', { call: describe(task), ms: heldUpMs });
    this.pump();
  }

  private done(thread: Thread, reply: ThreadReply): void {
    const { task } = thread;
    if (!task) return;
    thread.task = undefined;
    this.finish(task, reply);
    this.rest(thread);
    this.pump();
  }

  private finish(task: Task, reply: ThreadReply): void {
    this.forget(task);
    task.settle(reply);
    const ms = Math.round(performance.now() - task.startedAt);
    if (task.heldUp) this.log?.info('a call that the kernel held up has returned', { call: describe(task), ms });
    if (task.callers === 0) task.options.late?.('output' in reply ? reply.output : undefined);
  }

  /** A thread without a call; the last one stays. */
  private rest(thread: Thread): void {
    clearTimeout(thread.timer);
    thread.worker.unref();
    thread.timer = setTimeout(() => {
      if (thread.task || this.threads.size === 1) return;
      this.threads.delete(thread);
      void thread.worker.terminate();
    }, this.limits.idleMs);
    thread.timer.unref();
  }

  private lost(thread: Thread, why: string): void {
    clearTimeout(thread.timer);
    if (!this.threads.delete(thread)) return;
    const { task } = thread;
    thread.task = undefined;
    this.log?.error('a thread for calls into the kernel has ended', { why, call: task && describe(task) });
    if (task)
      this.finish(task, { thrown: new Error(`${describe(task)}: the thread that made the call is gone: ${why}`) });
    this.pump();
  }

  private heldUpTasks(): Task[] {
    return [...this.threads].flatMap(({ task }) => (task?.heldUp ? [task] : []));
  }

  /** Node waits for every thread before it ends a process; one that the kernel holds up may never return. */
  private endByForce(): void {
    if (this.exitWatched) return;
    this.exitWatched = true;
    process.on('exit', (code) => {
      if ([...this.threads].some(({ task }) => task !== undefined)) this.options.exitNow(code);
    });
  }
}

function describe({ name, options }: Task): string {
  const { what = name, subject } = options;
  return subject === undefined ? what : `${what} ${JSON.stringify(subject)}`;
}
