import { constants, type IncomingHttpHeaders } from 'node:http2';
import { errorMessage } from '../../base/errors';
import type { Logger } from '../../base/logger';
import { type CallStatus, statusIn } from '../call-status';
import { Code } from '../code';
import { lengthOf } from '../messages';
import { RpcError } from '../rpc-error';
import type { AnswerRoom } from './answer-room';
import { type ArrivalLimits, ArrivingRequest, type Asked } from './arriving-request';
import type { Answering, Received } from './grpc-server';
import { Unread } from './unread';

/** What the calls of a server may take; a message may be of so many bytes, received or sent. */
export interface CallLimits extends ArrivalLimits {
  /** Told of what should not happen between a call and the library. */
  readonly log: Logger;
  /** All answers that nobody has read yet. */
  readonly answers: AnswerRoom;
}

/** Our end of one call: its request, its replies, its status. */
export class ServerCall {
  /** When the caller gives up, in milliseconds since 1970; absent: never. */
  readonly deadline?: number;
  private readonly received: Promise<Received>;
  /** The library has read the request, or that of a call with many begins. */
  private handOver: (received: Received) => void = () => undefined;
  private gone?: (status?: CallStatus) => void;
  private readonly arriving?: ArrivingRequest;
  private readonly unread: Unread;
  private finished = false;

  constructor(
    private readonly asked: Asked,
    private readonly library: Answering,
    private readonly limits: CallLimits,
  ) {
    const { timeoutMs, stream, requestStream } = asked;
    if (timeoutMs !== undefined) this.deadline = Date.now() + timeoutMs;
    this.received = new Promise((resolve) => {
      this.handOver = resolve;
    });
    if (!requestStream) this.arriving = new ArrivingRequest(asked, limits, (reason) => this.refuse(reason));
    this.unread = new Unread(limits.answers, () => this.drop());
    stream.once('aborted', () => this.left());
    stream.once('finish', () => this.answered());
    stream.once('close', () => this.closed());
  }

  /** A header of the request by its lower-case name. */
  header(name: string): string | undefined {
    return this.asked.headers[name]?.toString();
  }

  /** Calls the listener once, if the call ends otherwise than by `finish`: with its status, or without one if its caller has gone. */
  onGone(listener: (status?: CallStatus) => void): void {
    this.gone = listener;
  }

  /** What the library has read of the request. */
  receive(received: Received): void {
    this.guarded(() => this.arriving?.complete(received.request?.length ?? 0));
    this.handOver(received);
  }

  /** The request of a call that has one; pends when it does not come. */
  async request(): Promise<Buffer> {
    return (await this.received).request ?? Buffer.alloc(0);
  }

  /** The requests of a call that has many, as they come. */
  async *requests(): AsyncGenerator<Buffer> {
    // A handler that has read enough may still answer: leaving the loop must not destroy the stream.
    yield* (await this.received).iterator?.({ destroyOnReturn: false }) ?? [];
  }

  /** Sends a reply; false: wait for `room` before the next. Throws an RpcError when it is too large. */
  reply(message: readonly Buffer[]): boolean {
    const length = lengthOf(message);
    if (length > this.limits.messageBytes) {
      throw new RpcError(Code.RESOURCE_EXHAUSTED, `an answer of ${length} bytes is over the limit`);
    }
    if (this.over) return true;
    this.unread.add(length);
    this.library.sendMessage(message, () => this.unread.taken(length));
    return !this.unread.full;
  }

  /** A promise to be waited for before a reply is made; undefined when there is room for one. */
  hold(signal: AbortSignal): Promise<void> | undefined {
    return this.limits.answers.wait(signal);
  }

  /** Resolves when the caller has read enough of the replies. */
  room(): Promise<void> {
    return this.unread.read();
  }

  /** Ends the call. Afterwards its caller knows the status, and what it still says is not read. */
  finish({ code, message }: CallStatus): void {
    if (this.finished) return;
    this.finished = true;
    if (!this.over) this.guarded(() => this.library.sendStatus({ code, details: message, metadata: null }));
  }

  /** Ends a call whose request cannot be served. */
  refuse({ code, message }: RpcError): void {
    if (this.finished) return;
    this.finish({ code, message });
    this.gone?.({ code, message });
  }

  /** The handler has ended, and has the request no more. */
  release(): void {
    this.arriving?.release();
  }

  /** Ends a call with which something went wrong that nobody foresaw: only this call, not the process. */
  broken(error: unknown): void {
    this.limits.log.error('the server could not answer a call', { error: errorMessage(error) });
    this.arriving?.release();
    this.asked.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  /** For what runs inside a callback of the library or of a timer, where nobody catches. */
  private guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.broken(error);
    }
  }

  private get over(): boolean {
    const { stream } = this.asked;
    return stream.destroyed || stream.closed;
  }

  /** The caller has gone, or the library has ended the call by itself. */
  private left(): void {
    if (this.finished) return;
    this.finished = true;
    const { sentHeaders, sentTrailers } = this.asked.stream;
    this.gone?.(statusIn((sentTrailers ?? sentHeaders ?? {}) as IncomingHttpHeaders));
  }

  /** All is said. A caller that goes on is not listened to: its stream would be open for as long as it sends. */
  private answered(): void {
    const { stream } = this.asked;
    const end = (): void => {
      this.left();
      if (!stream.readableEnded) setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
    };
    const status = stream.sentTrailers ?? stream.sentHeaders;
    if (status?.['grpc-status'] !== undefined) end();
    else stream.once('wantTrailers', end);
  }

  private closed(): void {
    this.left();
    this.unread.release();
  }

  /** Its caller does not read what it has asked for, and there is no room for that any more. */
  private drop(): void {
    const status = { code: Code.RESOURCE_EXHAUSTED, message: 'its answers are not read, and hold too much memory' };
    if (!this.finished) this.gone?.(status);
    this.finished = true;
    this.asked.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}
