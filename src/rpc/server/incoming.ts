import { errorMessage } from '../../base/errors';
import type { LogFields, Logger } from '../../base/logger';
import type { Metrics } from '../../base/metrics';
import type { Call } from '../call';
import type { CallStatus } from '../call-status';
import { Code, codeName } from '../code';
import { RpcError } from '../rpc-error';

/** The status of a call that fails, and how that is logged: as a warning, unless one of these says otherwise. */
export interface Failure extends CallStatus {
  /** An ordinary answer to the question, or an end without a fault: it is logged at debug, as served. */
  readonly expected?: boolean;
  /** Of an error that nobody foresaw: it is logged as an error. */
  readonly stack?: string;
}

export interface IncomingOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
  /** The one place where what was thrown becomes a status. */
  readonly toStatus: (thrown: unknown, call: Call) => Failure;
  /** Throws when `method` may not be served now. */
  readonly gate?: (method: string) => void;
}

/** Who makes a call. */
export interface Caller {
  /** When it gives up, in milliseconds since 1970; absent: never. */
  readonly deadline?: number;
  header(name: string): string | undefined;
  /** Calls the listener once, if it goes before it has its answer, or if it has been answered already: then with that. */
  onGone(listener: (answered?: CallStatus) => void): void;
}

export type Outcome<T> = { ok: true; value: T } | { ok: false; status: Failure };

/** The longest that a timer of Node can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** A client gives up when its own clock says so, a moment before the deadline that it sent has passed here. */
const DEADLINE_SLACK_MS = 100;
/** Trailers have to fit a 64 KiB header block after percent-encoding, which makes three bytes of one. */
const MAX_MESSAGE_BYTES = 8192;

/** A call from its first byte to its answer: signal, log line, metrics. */
export class Incoming {
  readonly call: Call;
  /** Settles when the handler has ended, which may be after the answer. Never rejects. */
  ended: Promise<void> = Promise.resolve();
  private readonly controller = new AbortController();
  private readonly startedAt = process.hrtime.bigint();
  private readonly notes: LogFields = {};
  private timer?: NodeJS.Timeout;
  /** The caller has left before its deadline, which ended the call. */
  private left = false;

  constructor(
    { method, id, caller }: { method: string; id: number; caller: Caller },
    readonly isStream: boolean,
    private readonly options: IncomingOptions,
  ) {
    const log = options.log.child({ method, call: id });
    const header = (name: string): string | undefined => caller.header(name);
    const note = (fields: LogFields): void => void Object.assign(this.notes, fields);
    this.call = { method, signal: this.controller.signal, deadline: caller.deadline, log, header, note };
    this.observe(caller);
  }

  /** Makes the end of the caller's interest the end of `call.signal`. */
  private observe(caller: Caller): void {
    const { deadline = Number.POSITIVE_INFINITY } = caller;
    const late = (): void => this.abort(new RpcError(Code.DEADLINE_EXCEEDED, 'the deadline of the call has passed'));
    const restMs = deadline - Date.now();
    const endsAt = performance.now() + restMs; // the clock of the wall may be set meanwhile
    if (restMs <= MAX_TIMER_MS) this.timer = setTimeout(late, restMs);
    caller.onGone((answered) => {
      if (this.controller.signal.aborted) return;
      if (answered) return this.abort(new RpcError(answered.code, answered.message));
      if (performance.now() + DEADLINE_SLACK_MS >= endsAt) return late();
      this.left = true;
      this.abort(new RpcError(Code.CANCELLED, 'the caller has gone'));
    });
  }

  /** Ends the call from our side. A second reason changes nothing. */
  abort(reason: RpcError): void {
    this.controller.abort(reason);
  }

  /**
   * Runs a handler and answers what became of it, or why it was given up: an aborted call is answered at once, whether
   * or not its handler looks at the signal. Never rejects.
   */
  async run<T>(act: (call: Call) => Promise<T>): Promise<Outcome<T>> {
    const work = this.start(act);
    this.ended = work.then(
      () => undefined,
      () => undefined,
    );
    const outcome = await this.outcomeOf(work);
    clearTimeout(this.timer);
    this.record(outcome);
    return outcome;
  }

  private async start<T>(act: (call: Call) => Promise<T>): Promise<T> {
    this.options.gate?.(this.call.method);
    return act(this.call);
  }

  private outcomeOf<T>(work: Promise<T>): Promise<Outcome<T>> {
    const { signal } = this.call;
    return new Promise((resolve) => {
      const onAbort = (): void => resolve(this.failure(signal.reason));
      signal.addEventListener('abort', onAbort, { once: true });
      work
        .then(
          (value) => resolve({ ok: true, value }),
          (thrown: unknown) => {
            if (!signal.aborted) resolve(this.failure(thrown));
            else this.reportLate(thrown);
          },
        )
        .finally(() => signal.removeEventListener('abort', onAbort));
    });
  }

  private failure(thrown: unknown): Outcome<never> {
    try {
      const status = this.options.toStatus(thrown, this.call);
      return { ok: false, status: { ...status, message: sendable(status.message) } };
    } catch (error) {
      return { ok: false, status: { code: Code.INTERNAL, message: sendable(errorMessage(error)) } };
    }
  }

  /** The call itself has been answered and logged already. */
  private reportLate(thrown: unknown): void {
    const { log, signal } = this.call;
    if (thrown !== signal.reason) {
      log.info('a call whose caller had gone has failed', { ...this.notes, error: errorMessage(thrown) });
    } else if (Object.keys(this.notes).length > 0) {
      log.info('a call whose caller had gone has been undone', this.notes);
    }
  }

  private record(outcome: Outcome<unknown>): void {
    const { method, log } = this.call;
    const seconds = Number(process.hrtime.bigint() - this.startedAt) / 1e9;
    const labels = { method, code: codeName(outcome.ok ? Code.OK : outcome.status.code) };
    this.options.metrics.count('crisp_rpc_total', labels);
    this.options.metrics.time('crisp_rpc_seconds', seconds, labels);
    const fields = { code: labels.code, ms: Math.round(seconds * 1e6) / 1000 };
    if (outcome.ok) {
      log.debug('served', fields);
      return;
    }
    const { expected, stack, message: error } = outcome.status;
    const failed = { ...fields, ...this.notes, error };
    if (expected) log.debug('served', failed);
    else if (stack !== undefined) log.error('unexpected error', { ...failed, stack });
    else if (this.left) log.info('ended by its caller', failed);
    else log.warn('failed', failed);
  }
}

/** Half a surrogate pair cannot be percent-encoded; and trailers have a size. */
function sendable(message: string): string {
  const bytes = Buffer.from(message);
  if (bytes.length <= MAX_MESSAGE_BYTES) return bytes.toString();
  return `${bytes.toString('utf8', 0, MAX_MESSAGE_BYTES)}…`;
}
