import {
  type MethodDefinition as GrpcMethod,
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type UntypedHandleCall,
} from '@grpc/grpc-js';
import type { Call } from './call';
import { Code } from './code';
import { deserializer, MAX_MESSAGE_BYTES, methodPath, serializer } from './codec';
import { type GrpcCall, Incoming, type IncomingOptions } from './incoming';
import { bindSocketFile, type SocketFile, socketPath } from './listen';
import { RpcError } from './rpc-error';
import { decodedRequests, type OutStream, sendReplies } from './server-stream';
import type { MethodDefinition, ServiceDefinition, ServiceImpl } from './service';

/** How long the last answers have to leave after the grace period. */
const FLUSH_MS = 250;

export interface RpcServerOptions extends IncomingOptions {
  /** Limit of one message, received or sent. */
  readonly maxMessageBytes?: number;
}

type AnyHandler = (request: unknown, call: Call) => unknown;

interface Row {
  readonly name: string;
  readonly handler: AnyHandler;
  readonly decode: (bytes: Buffer) => unknown;
  readonly encode: (message: unknown) => Buffer;
}

/** A gRPC server on a unix socket. Every row is wrapped here: log, metrics, deadline, cancellation, status. */
export class RpcServer {
  private readonly server: Server;
  private readonly incoming = new Set<Incoming>();
  private calls = 0;
  private file?: SocketFile;
  private stopped?: Promise<void>;

  constructor(private readonly options: RpcServerOptions) {
    const limit = options.maxMessageBytes ?? MAX_MESSAGE_BYTES;
    this.server = new Server({ 'grpc.max_receive_message_length': limit, 'grpc.max_send_message_length': limit });
  }

  /** Serves a service; to be called before `listen`. */
  addService<D extends ServiceDefinition>(definition: D, impl: ServiceImpl<D>): void {
    const rows = impl as unknown as Record<string, AnyHandler>;
    const table: Record<string, GrpcMethod<Buffer, Buffer>> = {};
    const handlers: Record<string, UntypedHandleCall> = {};
    for (const [key, method] of Object.entries(definition.methods)) {
      const handler = rows[key];
      if (!handler) throw new Error(`${definition.name} has no row ${key}`);
      table[key] = asBytes(methodPath(definition, method), method);
      handlers[key] = this.wrap(method, handler);
    }
    this.server.addService(table, handlers);
  }

  /** Afterwards clients can connect to the socket at `address` (with or without `unix://`). Throws when another server listens there. */
  async listen(address: string, options: { mode?: number } = {}): Promise<void> {
    const bind = (path: string): Promise<void> =>
      new Promise((resolve, reject) => {
        this.server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
          error ? reject(error) : resolve(),
        );
      });
    this.file = await bindSocketFile(socketPath(address), options.mode ?? 0o600, bind);
  }

  /**
   * Removes the socket, ends long streams with UNAVAILABLE, lets the rest finish for `graceMs`, then ends them with
   * UNAVAILABLE, too. Resolves when every connection is closed. A second stop waits for the first.
   */
  stop(options: { graceMs: number }): Promise<void> {
    this.stopped ??= this.stopOnce(options.graceMs);
    return this.stopped;
  }

  private async stopOnce(graceMs: number): Promise<void> {
    await this.file?.remove(); // first: who dials from now on must find nobody, or the next server
    const closed = new Promise<void>((resolve) => this.server.tryShutdown(() => resolve()));
    const reason = new RpcError(Code.UNAVAILABLE, 'the server stops');
    for (const each of this.incoming) if (each.isStream) each.abort(reason);
    const drained = Promise.all([closed, ...[...this.incoming].map((each) => each.ended)]);
    if (await settlesWithin(drained, graceMs)) return;
    for (const each of this.incoming) each.abort(reason);
    if (!(await settlesWithin(closed, FLUSH_MS))) this.server.forceShutdown();
  }

  private wrap(method: MethodDefinition, handler: AnyHandler): UntypedHandleCall {
    const { name, requestType, responseType } = method;
    const row: Row = { name, handler, decode: deserializer(requestType), encode: serializer(responseType) };
    if (method.requestStream && !method.responseStream) throw new Error(`${name}: client streams are not supported`);
    if (method.requestStream) return this.bidi(row);
    return method.responseStream ? this.serverStream(row) : this.unary(row);
  }

  private unary({ name, handler, decode, encode }: Row): handleUnaryCall<Buffer, Buffer> {
    return (grpcCall, callback) => {
      const incoming = this.begin(name, grpcCall, false);
      const answer = incoming.run(async (call) => encode(await handler(decode(grpcCall.request), call)));
      void answer.then((outcome) => {
        this.end(incoming);
        if (outcome.ok) callback(null, outcome.value);
        else callback({ code: outcome.status.code, details: outcome.status.message });
      });
    };
  }

  private serverStream({ name, handler, decode, encode }: Row): handleServerStreamingCall<Buffer, Buffer> {
    return (stream) =>
      this.stream(name, stream, (call) =>
        sendReplies(handler(decode(stream.request), call), { stream, encode, signal: call.signal }),
      );
  }

  private bidi({ name, handler, decode, encode }: Row): handleBidiStreamingCall<Buffer, Buffer> {
    return (stream) =>
      this.stream(name, stream, (call) => {
        const requests = decodedRequests(stream, decode, call.signal);
        return sendReplies(handler(requests, call), { stream, encode, signal: call.signal });
      });
  }

  private stream(name: string, stream: OutStream, act: (call: Call) => Promise<void>): void {
    const incoming = this.begin(name, stream, true);
    void incoming
      .run(async (call) => act(call))
      .then((outcome) => {
        this.end(incoming);
        // grpc-js takes the status of a stream from its 'error' event.
        if (outcome.ok) stream.end();
        else stream.emit('error', { code: outcome.status.code, details: outcome.status.message });
      });
  }

  private begin(method: string, grpcCall: GrpcCall, isStream: boolean): Incoming {
    this.calls += 1;
    const incoming = new Incoming({ method, id: this.calls, grpcCall }, isStream, this.options);
    this.incoming.add(incoming);
    return incoming;
  }

  private end(incoming: Incoming): void {
    void incoming.ended.then(() => this.incoming.delete(incoming));
  }
}

/** Bytes in, bytes out: messages are read and written inside the handler's own try. */
function asBytes(path: string, method: MethodDefinition): GrpcMethod<Buffer, Buffer> {
  const same = (bytes: Buffer): Buffer => bytes;
  return {
    path,
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
