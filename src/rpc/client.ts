import {
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  type CallOptions as GrpcCallOptions,
  Client as GrpcClient,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { type Code, toCode } from './code';
import { deserializer, MAX_MESSAGE_BYTES, methodPath, serializer } from './codec';
import { RpcCallError } from './rpc-call-error';
import type { MessageOf, MethodDefinition, ServiceDefinition } from './service';

/** A connection that several typed clients share. */
export interface Channel {
  readonly grpc: GrpcClient;
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
  send(request: Req): Promise<void>;
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

/** A service seen from outside: one method per RPC. */
export type Client<D extends ServiceDefinition> = { readonly [K in keyof D['methods']]: Method<D['methods'][K]> };

/** A connection to `address` (`unix:///…` or a path); it is made on the first call and again whenever it breaks. */
export function createChannel(address: string): Channel {
  const target = address.startsWith('/') ? `unix://${address}` : address;
  const grpc = new GrpcClient(target, credentials.createInsecure(), {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc.default_authority': 'localhost',
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.min_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1000,
    // One connection per channel, not one per process and address: closing it must close it.
    'grpc.use_local_subchannel_pool': 1,
  });
  return { grpc, close: () => grpc.close() };
}

/** A typed client of `definition`. `metadata` is sent with every call. Calls reject with RpcCallError or the signal's reason. */
export function createClient<D extends ServiceDefinition>(
  definition: D,
  channel: Channel,
  options: { metadata?: Readonly<Record<string, string>> } = {},
): Client<D> {
  const methods: Record<string, unknown> = {};
  for (const [key, method] of Object.entries(definition.methods)) {
    const out = new Outgoing(definition, method, channel.grpc, options.metadata ?? {});
    if (method.requestStream) methods[key] = (call?: OutgoingOptions) => out.duplex(call ?? {});
    else if (method.responseStream)
      methods[key] = (req: unknown, call?: OutgoingOptions) => out.stream(req, call ?? {});
    else methods[key] = (req: unknown, call?: OutgoingOptions) => out.unary(req, call ?? {});
  }
  return methods as Client<D>;
}

class Outgoing {
  private readonly path: string;
  private readonly write: (message: unknown) => Buffer;
  private readonly read: (bytes: Buffer) => unknown;

  constructor(
    definition: ServiceDefinition,
    private readonly method: MethodDefinition,
    private readonly grpc: GrpcClient,
    private readonly common: Readonly<Record<string, string>>,
  ) {
    this.path = methodPath(definition, method);
    this.write = serializer(method.requestType);
    this.read = deserializer(method.responseType);
  }

  async unary(req: unknown, options: OutgoingOptions): Promise<unknown> {
    options.signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const call = this.grpc.makeUnaryRequest(
        this.path,
        this.write,
        this.read,
        req,
        this.metadata(options),
        callOptions(options),
        (error, reply) => {
          options.signal?.removeEventListener('abort', onAbort);
          if (error) reject(this.failure(error, options.signal));
          else resolve(reply);
        },
      );
      const onAbort = (): void => call.cancel();
      options.signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  async *stream(req: unknown, options: OutgoingOptions): AsyncIterable<unknown> {
    options.signal?.throwIfAborted();
    const call = this.grpc.makeServerStreamRequest(
      this.path,
      this.write,
      this.read,
      req,
      this.metadata(options),
      callOptions(options),
    );
    yield* this.messages(call, options.signal);
  }

  duplex(options: OutgoingOptions): Duplex<unknown, unknown> {
    const call = this.grpc.makeBidiStreamRequest(
      this.path,
      this.write,
      this.read,
      this.metadata(options),
      callOptions(options),
    );
    return {
      send: (message) => send(call, message),
      end: () => call.end(),
      responses: this.messages(call, options.signal),
      cancel: () => call.cancel(),
    };
  }

  private async *messages(
    call: ClientReadableStream<unknown> | ClientDuplexStream<unknown, unknown>,
    signal: AbortSignal | undefined,
  ): AsyncIterable<unknown> {
    const onAbort = (): void => call.cancel();
    if (signal?.aborted) call.cancel();
    else signal?.addEventListener('abort', onAbort, { once: true });
    try {
      for await (const message of call) yield message;
    } catch (error) {
      throw this.failure(error as ServiceError, signal);
    } finally {
      signal?.removeEventListener('abort', onAbort);
      call.cancel();
    }
  }

  private metadata(options: OutgoingOptions): Metadata {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries({ ...this.common, ...options.metadata })) metadata.set(key, value);
    return metadata;
  }

  /** A call that our own signal ended fails with the signal's reason, not with "cancelled". */
  private failure(error: ServiceError, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted) return signal.reason;
    const code: Code = toCode(error.code ?? 2);
    return new RpcCallError(code, error.details || error.message, this.method.name);
  }
}

function callOptions(options: OutgoingOptions): GrpcCallOptions {
  return options.timeoutMs ? { deadline: Date.now() + options.timeoutMs } : {};
}

function send(call: ClientDuplexStream<unknown, unknown>, message: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    call.write(message, (error?: Error | null) => (error ? reject(error) : resolve()));
  });
}
