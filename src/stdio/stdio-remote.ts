import { errorMessage } from '../base/errors';
import { newSuffix } from '../base/ids';
import type { Logger } from '../base/logger';
import type { Metrics } from '../base/metrics';
import type { ServiceManager } from '../base/service-manager';
import { Backoff, sleep } from '../base/wait/backoff';
import { AttachClient } from './attach-client';
import { ControlConnection, dial } from './control-connection';
import { endedOrLate } from './ended-or-late';
import { HeldFifos } from './held-fifos';
import type { Answer, Request, Told } from './messages';
import { PendingCalls } from './pending-calls';
import { StdioError } from './stdio-error';
import type { Attachment, AttachOptions, DrainOptions, LastingStdio, StdioSpec } from './stdio-service';
import { type StarterLimits, type StartStdio, StdioStarter } from './stdio-starter';

/** What a call waits for the process that has the stdio, also while that is started anew. */
const CALL_TIMEOUT_MS = 30_000;
/** When a container is tried again that a process could not open. */
const TAKE_UP_AGAIN = { firstMs: 200, maxMs: 5000 };
/** How long a process that accepts a connection may take to greet; longer with each that did not. */
const GREETING = { firstMs: 5000, maxMs: 60_000 };
/** When the supervisor goes on after an error that it should not have met. */
const UNEXPECTED_PAUSE_MS = 1000;

export interface StdioRemoteOptions extends StartStdio {
  /** The socket of the process that has the stdio. */
  readonly path: string;
  /** The program we are; a process of another build is replaced by one of ours. */
  readonly build: string;
  /** Address of the daemon whose containers these are. */
  readonly containerd: string;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly manager: ServiceManager;
  /** For tests. */
  readonly limits?: Partial<StarterLimits>;
}

/**
 * The StdioService in a process of its own that outlives this one. Every call is safe to repeat, so when the process dies
 * it is started anew, told again what is open, and asked again what it had not answered.
 */
export class StdioRemote implements LastingStdio {
  private readonly specs = new Map<string, StdioSpec>();
  private readonly calls = new PendingCalls();
  private readonly attached = new Map<string, AttachClient>();
  /** Containers that a new process is being told of, until it has them open. */
  private readonly takingUp = new Map<string, Promise<void>>();
  /** What is called once a container that is taken up is open, or is not to be any more. */
  private readonly whenOpen = new Map<string, () => void>();
  /** Containers that are being closed. */
  private readonly ending = new Set<string>();
  private readonly held: HeldFifos;
  private readonly starter: StdioStarter;
  private readonly greeting = new Backoff(GREETING);
  private greetingMs = this.greeting.next();
  private readonly leaving = new AbortController();
  private connection: ControlConnection | undefined;
  private running: Promise<void> | undefined;

  constructor(private readonly options: StdioRemoteOptions) {
    this.held = new HeldFifos(options.manager);
    this.starter = new StdioStarter(options, options.limits);
  }

  /** Whether `start` was called: containers may be read then. */
  get started(): boolean {
    return this.running !== undefined;
  }

  /** Begins to look for the process, starting it when there is none. */
  start(): void {
    this.running ??= this.stayConnected(this.leaving.signal);
  }

  async open(spec: StdioSpec): Promise<void> {
    await this.call({ op: 'open', spec });
    this.specs.set(spec.id, spec);
    this.held.hold(spec);
  }

  async takeUp(spec: StdioSpec): Promise<void> {
    const { id } = spec;
    const opened = new Promise<void>((resolve) => this.whenOpen.set(id, resolve));
    this.specs.set(id, spec);
    this.held.hold(spec);
    if (this.connection) this.openAgain(id, this.connection);
    await opened;
  }

  async reopen(id: string, logPath: string): Promise<void> {
    await this.call({ op: 'reopen', id, logPath });
    const spec = this.specs.get(id);
    if (spec && logPath) this.specs.set(id, { ...spec, logPath });
  }

  async attach(id: string, options: AttachOptions): Promise<Attachment> {
    const socket = await dial(this.options.path).catch((cause: unknown) => {
      throw new StdioError('UNAVAILABLE', 'the process that has the stdio does not answer', { cause });
    });
    const client = new AttachClient(socket, options);
    const ticket = newSuffix();
    this.attached.set(ticket, client);
    void client.done.then(() => this.attached.delete(ticket));
    // A process that hangs accepts connections and answers nothing.
    const why = new StdioError('UNAVAILABLE', 'the process that has the stdio did not answer "attach" in time');
    const late = setTimeout(() => client.giveUp(why), CALL_TIMEOUT_MS);
    try {
      await client.begin(id, ticket);
    } catch (error) {
      client.detach();
      throw error;
    } finally {
      clearTimeout(late);
    }
    return client;
  }

  async drain(id: string, { timeoutMs }: DrainOptions): Promise<boolean> {
    const limit = Number.isFinite(timeoutMs) ? timeoutMs : null;
    // What the process could not open yet, it would not read to its end.
    const opened = this.takingUp.get(id);
    if (opened) await endedOrLate(opened, timeoutMs);
    return this.end({ op: 'drain', id, timeoutMs: limit }, limit === null ? null : limit + CALL_TIMEOUT_MS);
  }

  async close(id: string): Promise<void> {
    await this.end({ op: 'close', id });
  }

  async list(): Promise<string[]> {
    return (await this.call({ op: 'list' })).ids ?? [];
  }

  /** The process goes on without us; with nothing open, it ends. Never rejects. */
  async leave(): Promise<void> {
    this.leaving.abort(new StdioError('UNAVAILABLE', 'the server is stopping'));
    this.starter.stop();
    try {
      for (const client of this.attached.values()) client.detach();
      this.connection?.send(this.calls.nextSeq(), { op: 'leave' });
      await this.connection?.close();
      await this.running;
      this.held.leave();
    } catch (error) {
      this.options.log.warn('cannot leave crisp-stdio in order', { error: errorMessage(error) });
    }
  }

  /**
   * Everything is let go for good: containerd's own CRI has the containers. Afterwards this is of no more use. No process
   * is started for that: without one, nobody reads. Never rejects.
   */
  async letGo(): Promise<void> {
    this.starter.stopAndKill();
    for (const id of this.specs.keys()) this.ending.add(id);
    const gone = this.connection?.closed;
    if (gone) await Promise.race([gone, this.call({ op: 'letGo' }).catch(() => undefined)]); // gone is as good
    for (const id of [...this.specs.keys()]) this.forget(id);
    await this.leave();
  }

  /** Has a container closed: nothing opens it again behind that. False: its log is to be completed, by another process too. */
  private async end(request: Request & { id: string }, timeoutMs?: number | null): Promise<boolean> {
    const { id } = request;
    this.ending.add(id);
    try {
      const { incomplete = false } = await this.call(request, timeoutMs);
      if (!incomplete) this.forget(id);
      return !incomplete;
    } finally {
      this.ending.delete(id);
    }
  }

  private forget(id: string): void {
    this.specs.delete(id);
    this.settled(id);
    this.held.release(id);
  }

  /** `timeoutMs` null: for ever, unless this server stops. */
  private call(request: Request, timeoutMs: number | null = CALL_TIMEOUT_MS): Promise<Answer> {
    if (this.leaving.signal.aborted) return Promise.reject(this.leaving.signal.reason);
    return this.calls.call(request, timeoutMs, this.connection);
  }

  /** Until the signal fires, whatever goes wrong. Then all calls that wait are answered. Never rejects. */
  private async stayConnected(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.useConnection(await this.connect(signal), signal);
      } catch (error) {
        if (signal.aborted) break;
        this.options.log.error('unexpected error, looking for crisp-stdio again', { error: errorMessage(error) });
        await sleep(UNEXPECTED_PAUSE_MS, signal).catch(() => undefined);
      }
    }
    for (const id of [...this.whenOpen.keys()]) this.settled(id);
    this.calls.endAll('the server is stopping');
  }

  /** Resolves when the connection is gone. */
  private async useConnection(connection: ControlConnection, signal: AbortSignal): Promise<void> {
    const { pid, build } = connection.welcome;
    if (signal.aborted) {
      connection.destroy();
    } else if (build !== this.options.build) {
      // One of ours takes over from it, without a byte lost.
      await this.starter.ensureReplaced({ pid, closed: connection.closed }, signal);
      connection.destroy();
    } else {
      this.starter.serving();
      this.take(connection);
      await connection.untilGone((pid) => this.options.isDying?.(pid) === true);
      for (const client of [...this.attached.values()]) client.lost();
      this.connection = undefined;
      this.starter.lost();
      if (!signal.aborted) this.options.log.warn('the connection to crisp-stdio is gone', { pid });
    }
  }

  /** Connects, starting the process when nobody listens. Rejects when the signal fires. */
  private async connect(signal: AbortSignal): Promise<ControlConnection> {
    const backoff = new Backoff({ firstMs: 5, maxMs: 200 });
    const { path, containerd } = this.options;
    const events = {
      onAnswer: (answer: Answer) => this.calls.answered(answer),
      onTold: (told: Told) => this.heard(told),
    };
    for (;;) {
      signal.throwIfAborted();
      try {
        if (await this.starter.isHolderDying()) throw new Error('the process that listens there has been killed');
        const connection = await ControlConnection.open(
          path,
          { containerd, timeoutMs: this.greetingMs, signal },
          events,
        );
        this.greeting.reset();
        this.greetingMs = this.greeting.next();
        return connection;
      } catch (error) {
        // Somebody listens, and was too slow: a slow machine needs longer.
        if (error instanceof StdioError) this.greetingMs = this.greeting.next();
      }
      await this.starter.ensureStarted();
      await sleep(backoff.next(), signal);
    }
  }

  /** A new process is told what is open (it mostly knows), then asked what its predecessor has not answered. */
  private take(connection: ControlConnection): void {
    this.connection = connection;
    const asked = this.calls.unanswered();
    for (const id of this.specs.keys()) this.openAgain(id, connection);
    for (const [seq, request] of asked) connection.send(seq, request);
  }

  private openAgain(id: string, connection: ControlConnection): void {
    const opened = this.untilOpen(id, connection).finally(() => {
      if (this.takingUp.get(id) === opened) this.takingUp.delete(id);
    });
    this.takingUp.set(id, opened);
  }

  private settled(id: string): void {
    this.whenOpen.get(id)?.();
    this.whenOpen.delete(id);
  }

  /** Has it opened, again and again while it cannot be: what it prints waits in its pipes meanwhile. */
  private async untilOpen(id: string, connection: ControlConnection): Promise<void> {
    const backoff = new Backoff(TAKE_UP_AGAIN);
    const { signal } = this.leaving;
    let told = '';
    for (let spec = this.specs.get(id); spec; spec = this.specs.get(id)) {
      try {
        await this.call({ op: 'open', spec });
        return this.settled(id);
      } catch (error) {
        const why = errorMessage(error);
        if (why !== told) this.options.log.warn('the stdio of a container cannot be taken up', { id, error: why });
        told = why;
      }
      await sleep(backoff.next(), signal).catch(() => undefined);
      if (this.connection !== connection || signal.aborted || this.ending.has(id)) return;
    }
  }

  private heard(told: Told): void {
    if ('dropped' in told) this.attached.get(told.dropped)?.dropped();
    else if ('said' in told) this.options.log[told.said.level](told.said.message, told.said.fields);
    else for (const { name, labels, by } of told.counted) this.options.metrics.count(name, labels, by);
  }
}
