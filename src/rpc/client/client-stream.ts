import { onAbort } from '../../base/wait/on-abort';
import type { CallStatus } from '../call-status';
import { Code } from '../code';
import { CANCELLED, type CallEnd, type ClientCall } from './client-call';

interface How {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  readonly read: (bytes: Buffer) => unknown;
  readonly toError: (status: CallStatus) => Error;
}

/** A call whose replies, and maybe requests, come one after another. */
export class Conversation {
  readonly call: ClientCall;
  private readonly unsent = new Set<() => void>();
  private readonly stopListening: (() => void) | undefined;

  /** Begins the call: it is under way before anybody reads. */
  constructor(
    begin: (how: CallEnd) => ClientCall,
    private readonly how: How,
  ) {
    const { signal, timeoutMs } = how;
    this.call = begin({ timeoutMs, ended: () => this.ended() });
    this.stopListening = signal && onAbort(signal, () => this.call.give(CANCELLED));
  }

  /**
   * The replies. They can be read once; leaving the loop early gives the call up. Throws the error of the call after all
   * that came before it, or the signal's reason at once.
   */
  async *all(): AsyncGenerator<unknown> {
    const { call, how } = this;
    try {
      for await (const piece of this.pieces()) {
        call.messages.push(piece);
        for (let message = call.nextMessage(); message !== undefined; message = call.nextMessage()) {
          yield how.read(message);
          how.signal?.throwIfAborted();
        }
      }
      const failure = this.failure();
      if (failure) throw failure;
      if (!call.messages.empty) throw how.toError({ code: Code.INTERNAL, message: 'the last message is not whole' });
    } finally {
      call.give(CANCELLED);
    }
  }

  /** Sends a request; resolves when the connection has taken it, rejects when the call has failed or is over. */
  send(message: readonly Buffer[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.call.status !== undefined || this.call.stream.writableEnded)
        return reject(this.failure() ?? this.over());
      const settle = (): void => {
        this.unsent.delete(settle);
        const failure = this.failure();
        if (failure) reject(failure);
        else resolve();
      };
      this.unsent.add(settle);
      // One that fails is told of by the call's end, which knows why.
      this.call.send(message, (error) => {
        if (!error) settle();
      });
    });
  }

  /** What comes on the stream until its end; how that was, `failure` says. */
  private async *pieces(): AsyncGenerator<Buffer> {
    const { stream } = this.call;
    for (;;) {
      const piece = stream.read() as Buffer | null;
      if (piece !== null) yield piece;
      else if (this.call.status !== undefined) return;
      else await this.somethingNew();
    }
  }

  private somethingNew(): Promise<void> {
    const { stream } = this.call;
    return new Promise((resolve) => {
      const done = (): void => {
        stream.removeListener('readable', done);
        this.unsent.delete(done);
        resolve();
      };
      stream.on('readable', done);
      this.unsent.add(done);
    });
  }

  /** The last that happens: what is still on its way out will never be reported as written. */
  private ended(): void {
    this.stopListening?.();
    for (const settle of this.unsent) settle();
  }

  private failure(): unknown {
    const { signal, toError } = this.how;
    const { status } = this.call;
    if (signal?.aborted) return signal.reason;
    return status === undefined || status.code === Code.OK ? undefined : toError(status);
  }

  private over(): Error {
    return this.how.toError({ code: Code.CANCELLED, message: 'the call has ended' });
  }
}
