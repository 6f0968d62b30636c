import {
  type ClientHttp2Stream,
  constants,
  type Http2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { errorMessage } from '../../base/errors';
import { type CallStatus, statusIn, statusOfReset } from '../call-status';
import { Code } from '../code';
import { MAX_MESSAGE_BYTES } from '../codec';
import { framed, MessageReader } from '../messages';
import { RpcError } from '../rpc-error';
import { type ClientSession, usable } from './client-session';

/** grpc-timeout has eight digits at most. */
const MAX_TIMEOUT_MS = 99_999_999;

/** The status of a call that we no longer want. */
export const CANCELLED: CallStatus = { code: Code.CANCELLED, message: 'the call was given up' };

export interface CallEnd {
  /** 0 or absent: no deadline. */
  readonly timeoutMs?: number;
  /** Told once, when the status is known and every message has been handed over. */
  readonly ended: (status: CallStatus) => void;
}

/** One call under way: the stream, and how it ended. */
export class ClientCall {
  readonly stream: ClientHttp2Stream;
  readonly messages = new MessageReader(MAX_MESSAGE_BYTES);
  /** How the call ended; undefined while it goes on. */
  status?: CallStatus;
  private readonly http2: Http2Session | undefined;
  private timer?: NodeJS.Timeout;
  private told?: CallStatus;
  private error?: unknown;

  /** Begins the call. */
  constructor(session: ClientSession, headers: OutgoingHttpHeaders, { timeoutMs, ended }: CallEnd) {
    this.stream = session.request(timeoutMs ? { ...headers, 'grpc-timeout': timeout(timeoutMs) } : headers);
    this.http2 = this.stream.session; // a stream that has ended has none
    if (timeoutMs) {
      const late = { code: Code.DEADLINE_EXCEEDED, message: 'the deadline of the call has passed' };
      this.timer = setTimeout(() => this.give(late), timeoutMs);
    }
    const read = (block: IncomingHttpHeaders): void => {
      this.told ??= statusIn(block);
    };
    this.stream.on('response', read);
    this.stream.on('trailers', read);
    this.stream.on('error', (error) => {
      this.error ??= error;
    });
    const settle = (): void => {
      if (this.status !== undefined) return;
      this.status = this.told ?? this.untold();
      clearTimeout(this.timer);
      // A call may be answered before all has been asked.
      if (!this.stream.writableEnded) this.stream.close(constants.NGHTTP2_CANCEL);
      ended(this.status);
    };
    this.stream.once('end', () => this.told && settle());
    this.stream.once('close', settle);
  }

  /** Sends the only, or the last, message. */
  finish(message: readonly Buffer[]): void {
    this.send(message);
    this.stream.end();
  }

  /** Sends a message; `sent` is called when the connection has taken it, or will not. */
  send(message: readonly Buffer[], sent?: (error?: Error | null) => void): void {
    framed(message, this.stream, sent);
  }

  /** Gives the call up with a status of our own; one that has a status already keeps it. */
  give(status: CallStatus): void {
    if (this.status !== undefined) return;
    this.told = status;
    this.stream.close(constants.NGHTTP2_CANCEL);
    this.stream.destroy(); // what is left to be read is not waited for
  }

  /** The next complete message among what was handed to `messages`; a wrong one gives the call up. */
  nextMessage(): Buffer | undefined {
    try {
      return this.messages.next();
    } catch (error) {
      this.give(error instanceof RpcError ? error : { code: Code.INTERNAL, message: errorMessage(error) });
      return undefined;
    }
  }

  private untold(): CallStatus {
    if (usable(this.http2)) return statusOfReset(this.stream.rstCode);
    return { code: Code.UNAVAILABLE, message: this.error ? errorMessage(this.error) : 'the connection is gone' };
  }
}

function timeout(ms: number): string {
  return `${Math.min(Math.max(1, Math.ceil(ms)), MAX_TIMEOUT_MS)}m`;
}
