import {
  credentials,
  type CallOptions as GrpcCallOptions,
  Client as GrpcClient,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { requestWriter, responsesOf } from './client-stream';
import { toCode } from './code';
import { deserializer, MAX_MESSAGE_BYTES, methodPath, serializer } from './codec';
import { RpcCallError } from './rpc-call-error';
import type { EncodedMessage, MessageOf, MethodDefinition, ServiceDefinition } from './service';

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
    const out = new Outgoing(definition, method, channel.grpc, options);
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
    method: MethodDefinition,
    private readonly grpc: GrpcClient,
    private readonly client: ClientOptions,
  ) {
    this.path = methodPath(definition, method);
    this.write = serializer(method.requestType);
    this.read = deserializer(method.responseType);
  }

  unary(req: unknown, options: OutgoingOptions): Promise<unknown> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const call = this.grpc.makeUnaryRequest(
        this.path,
        same,
        this.read,
        this.write(req), // here, so that a message that cannot be written throws its own error
        this.metadata(options),
        callOptions(options),
        (error, reply) => {
          signal?.removeEventListener('abort', onAbort);
          if (error) reject(this.failure(error));
          else resolve(reply);
        },
      );
      const onAbort = (): void => {
        reject(signal?.reason);
        call.cancel();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  stream(req: unknown, options: OutgoingOptions): AsyncIterable<unknown> {
    options.signal?.throwIfAborted();
    const call = this.grpc.makeServerStreamRequest(
      this.path,
      same,
      this.read,
      this.write(req),
      this.metadata(options),
      callOptions(options),
    );
    return responsesOf(call, { signal: options.signal, toError: (error) => this.failure(error) });
  }

  duplex(options: OutgoingOptions): Duplex<unknown, unknown> {
    options.signal?.throwIfAborted();
    const [metadata, grpcOptions] = [this.metadata(options), callOptions(options)];
    const call = this.grpc.makeBidiStreamRequest(this.path, same, this.read, metadata, grpcOptions);
    const how = { signal: options.signal, toError: (error: unknown) => this.failure(error) };
    const send = requestWriter(call, how);
    return {
      send: async (message) => send(this.write(message)),
      end: () => call.end(),
      responses: responsesOf(call, how),
      cancel: () => call.cancel(),
    };
  }

  private metadata(options: OutgoingOptions): Metadata {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries({ ...this.client.metadata, ...options.metadata }))
      metadata.set(key, value);
    return metadata;
  }

  private failure(thrown: unknown): Error {
    const { code, details } = thrown as Partial<ServiceError>;
    const message = details || (thrown instanceof Error ? thrown.message : String(thrown));
    const error = new RpcCallError(toCode(code ?? 2), message, this.path.slice(1));
    return this.client.onError?.(error) ?? error;
  }
}

const same = (bytes: Buffer): Buffer => bytes;

function callOptions(options: OutgoingOptions): GrpcCallOptions {
  return options.timeoutMs ? { deadline: Date.now() + options.timeoutMs } : {};
}
