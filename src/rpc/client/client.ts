import type { OutgoingHttpHeaders } from 'node:http2';
import { errorMessage } from '../../base/errors';
import { onAbort } from '../../base/wait/on-abort';
import type { CallStatus } from '../call-status';
import { Code } from '../code';
import { deserializer, methodPath, serializer } from '../codec';
import { socketPath } from '../server/listen';
import type { EncodedMessage, MessageOf, MethodDefinition, ServiceDefinition } from '../service';
import { CANCELLED, type CallEnd, ClientCall } from './client-call';
import { ClientSession } from './client-session';
import { Conversation } from './client-stream';
import { RpcCallError } from './rpc-call-error';

/** A connection that several typed clients share. */
export interface Channel {
  readonly session: ClientSession;
  close(): void;
}

export interface OutgoingOptions {
  readonly signal?: AbortSignal;
  /** 0 or absent: no deadline. */
  readonly timeoutMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A conversation: both sides send as they like. */
export interface Duplex<Req, Res> {
  /** Resolves when the message is on its way and there is room for another. */
  send(request: Req | EncodedMessage): Promise<void>;
  /** We have nothing more to say. */
  end(): void;
  readonly responses: AsyncIterable<Res>;
  cancel(): void;
}

type Method<M extends MethodDefinition> = M['requestStream'] extends true
  ? (options?: OutgoingOptions) => Duplex<MessageOf<M['requestType']>, MessageOf<M['responseType']>>
  : M['responseStream'] extends true
    ? (req: MessageOf<M['requestType']>, options?: OutgoingOptions) => AsyncIterable<MessageOf<M['responseType']>>
    : (req: MessageOf<M['requestType']>, options?: OutgoingOptions) => Promise<MessageOf<M['responseType']>>;

/** A service seen from outside: one method per RPC. A stream is dialled when its method is called, not when it is read. */
export type Client<D extends ServiceDefinition> = { readonly [K in keyof D['methods']]: Method<D['methods'][K]> };

/** A connection to `address` (`unix:///…` or a path); it is made on the first call and again whenever it breaks. */
export function createChannel(address: string): Channel {
  const session = new ClientSession(socketPath(address));
  return { session, close: () => session.close() };
}

export interface ClientOptions {
  /** Sent with every call. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Makes what a failed call throws; without it that is the RpcCallError. */
  readonly onError?: (error: RpcCallError) => Error;
}

/** A typed client of `definition`. Calls reject with RpcCallError (or what `onError` makes of it) or the signal's reason. */
export function createClient<D extends ServiceDefinition>(
  definition: D,
  channel: Channel,
  options: ClientOptions = {},
): Client<D> {
  const methods: Record<string, unknown> = {};
  for (const [key, method] of Object.entries(definition.methods)) {
    const out = new Outgoing(definition, method, channel.session, options);
    if (method.requestStream) methods[key] = (call?: OutgoingOptions) => out.duplex(call ?? {});
    else if (method.responseStream)
      methods[key] = (req: unknown, call?: OutgoingOptions) => out.stream(req, call ?? {});
    else methods[key] = (req: unknown, call?: OutgoingOptions) => out.unary(req, call ?? {});
  }
  return methods as Client<D>;
}

class Outgoing {
  private readonly write: (message: unknown) => readonly Buffer[];
  private readonly read: (bytes: Buffer) => unknown;
  private readonly headers: OutgoingHttpHeaders;
  private readonly method: string;

  constructor(
    definition: ServiceDefinition,
    method: MethodDefinition,
    private readonly session: ClientSession,
    private readonly client: ClientOptions,
  ) {
    const path = methodPath(definition, method);
    this.method = path.slice(1);
    this.headers = {
      ':method': 'POST',
      ':path': path,
      te: 'trailers',
      'content-type': 'application/grpc',
      'user-agent': 'crisp',
      ...client.metadata,
    };
    this.write = serializer(method.requestType);
    this.read = deserializer(method.responseType);
  }

  unary(req: unknown, options: OutgoingOptions): Promise<unknown> {
    const { signal, timeoutMs } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const message = this.write(req); // first, so that a message that cannot be written throws its own error
      let reply: Buffer | undefined;
      const ended = (status: CallStatus): void => {
        stopListening?.();
        try {
          resolve(this.reply(reply, status));
        } catch (error) {
          reject(error);
        }
      };
      const call = this.begin(options, { timeoutMs, ended });
      const giveUp = (): void => {
        reject(signal?.reason);
        call.give(CANCELLED);
      };
      const stopListening = signal && onAbort(signal, giveUp);
      call.stream.on('data', (piece: Buffer) => {
        call.messages.push(piece);
        reply ??= call.nextMessage();
      });
      call.finish(message);
    });
  }

  stream(req: unknown, options: OutgoingOptions): AsyncIterable<unknown> {
    options.signal?.throwIfAborted();
    const message = this.write(req);
    const responses = this.conversation(options);
    responses.call.finish(message);
    return responses.all();
  }

  duplex(options: OutgoingOptions): Duplex<unknown, unknown> {
    options.signal?.throwIfAborted();
    const responses = this.conversation(options);
    const { call } = responses;
    return {
      send: async (message) => responses.send(this.write(message)),
      end: () => call.stream.end(),
      responses: responses.all(),
      cancel: () => call.give(CANCELLED),
    };
  }

  private conversation(options: OutgoingOptions): Conversation {
    const begin = (how: CallEnd): ClientCall => this.begin(options, how);
    return new Conversation(begin, {
      ...options,
      read: (message) => this.decode(message),
      toError: (status) => this.failure(status),
    });
  }

  private begin(options: OutgoingOptions, how: CallEnd): ClientCall {
    try {
      return new ClientCall(this.session, { ...this.headers, ...options.metadata }, how);
    } catch (error) {
      throw this.failure({ code: Code.UNAVAILABLE, message: errorMessage(error) });
    }
  }

  /** The one message of a call that went well; throws what became of any other. */
  private reply(message: Buffer | undefined, status: CallStatus): unknown {
    if (status.code !== Code.OK) throw this.failure(status);
    if (message === undefined) throw this.failure({ code: Code.INTERNAL, message: 'there is no message to be read' });
    return this.decode(message);
  }

  private decode(message: Buffer): unknown {
    try {
      return this.read(message);
    } catch (error) {
      throw this.failure({ code: Code.INTERNAL, message: errorMessage(error) });
    }
  }

  private failure({ code, message }: CallStatus): Error {
    const error = new RpcCallError(code, message, this.method);
    return this.client.onError?.(error) ?? error;
  }
}
