import { unlink } from 'node:fs/promises';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Logger } from '../base/logger';
import type { Metrics } from '../base/metrics';
import type { Call } from './call';
import { Code, codeName } from './code';
import { deserializer, MAX_MESSAGE_BYTES, methodPath, serializer } from './codec';
import { clearSocketPath, protectSocket } from './listen';
import { RpcError } from './rpc-error';
import type { MethodDefinition, ServiceDefinition, ServiceImpl } from './service';

export interface RpcServerOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
  /** The one place where what was thrown becomes a status. */
  readonly toStatus: (thrown: unknown, call: Call) => { code: Code; message: string };
  /** Throws when `method` may not be served now. */
  readonly gate?: (method: string) => void;
}

type AnyHandler = (req: unknown, call: Call) => unknown;
type Unary = ServerUnaryCall<unknown, unknown>;
type Streaming = ServerWritableStream<unknown, unknown>;

/** A gRPC server on a unix socket. Every row is wrapped here: log, metrics, deadline, cancellation, status. */
export class RpcServer {
  private readonly server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  });
  private readonly streams = new Set<AbortController>();
  private path = '';
  private calls = 0;

  constructor(private readonly options: RpcServerOptions) {}

  /** Serves a service; to be called before `listen`. */
  addService<D extends ServiceDefinition>(definition: D, impl: ServiceImpl<D>): void {
    const rows = impl as unknown as Record<string, AnyHandler>;
    const handlers: UntypedServiceImplementation = {};
    const table: Record<string, object> = {};
    for (const [key, method] of Object.entries(definition.methods)) {
      const handler = rows[key];
      if (!handler) throw new Error(`${definition.name} has no row ${key}`);
      table[key] = wire(definition, method);
      handlers[key] = method.responseStream
        ? (stream: Streaming) => void this.serveStream(method.name, handler, stream)
        : (unary: Unary, done: sendUnaryData<unknown>) => void this.serveUnary(method.name, handler, unary, done);
    }
    this.server.addService(table as never, handlers);
  }

  /** Afterwards clients can connect to the socket at `path`. Throws when another server listens there. */
  async listen(path: string, options: { mode?: number } = {}): Promise<void> {
    await clearSocketPath(path);
    await new Promise<void>((resolve, reject) => {
      this.server.bindAsync(`unix://${path}`, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
    await protectSocket(path, options.mode ?? 0o600);
    this.path = path;
  }

  /** Ends long streams with UNAVAILABLE, lets the rest finish for `graceMs`, then cuts them off and removes the socket. */
  async stop(options: { graceMs: number }): Promise<void> {
    for (const stream of this.streams) stream.abort(new RpcError(Code.UNAVAILABLE, 'the server stops'));
    const timer = setTimeout(() => this.server.forceShutdown(), options.graceMs);
    await new Promise<void>((resolve) => this.server.tryShutdown(() => resolve()));
    clearTimeout(timer);
    if (this.path) await unlink(this.path).catch(() => undefined);
  }

  private async serveUnary(
    name: string,
    handler: AnyHandler,
    unary: Unary,
    done: sendUnaryData<unknown>,
  ): Promise<void> {
    const { call, finish } = this.begin(name, unary);
    try {
      this.options.gate?.(name);
      const reply = await handler(unary.request, call);
      finish(Code.OK);
      done(null, reply);
    } catch (error) {
      done(this.failure(error, call, finish));
    }
  }

  private async serveStream(name: string, handler: AnyHandler, stream: Streaming): Promise<void> {
    const { call, finish, controller } = this.begin(name, stream);
    this.streams.add(controller);
    try {
      this.options.gate?.(name);
      for await (const message of handler(stream.request, call) as AsyncIterable<unknown>) {
        if (call.signal.aborted) break;
        if (!stream.write(message)) await drained(stream, call.signal);
      }
      call.signal.throwIfAborted();
      finish(Code.OK);
      stream.end();
    } catch (error) {
      stream.emit('error', this.failure(call.signal.aborted ? call.signal.reason : error, call, finish));
    } finally {
      this.streams.delete(controller);
    }
  }

  private begin(
    method: string,
    grpcCall: Unary | Streaming,
  ): { call: Call; controller: AbortController; finish: (code: Code, message?: string) => void } {
    const started = process.hrtime.bigint();
    const controller = new AbortController();
    const log = this.options.log.child({ method, call: ++this.calls });
    grpcCall.on('cancelled', () => controller.abort(cancelReason(grpcCall)));
    const finish = (code: Code, message?: string): void => {
      const seconds = Number(process.hrtime.bigint() - started) / 1e9;
      const labels = { method, code: codeName(code) };
      this.options.metrics.count('crisp_rpc_total', labels);
      this.options.metrics.time('crisp_rpc_seconds', seconds, labels);
      const fields = { code: labels.code, ms: Math.round(seconds * 1e6) / 1000, error: message };
      if (code === Code.OK) log.debug('served', fields);
      else log.warn('failed', fields);
    };
    return { call: { method, signal: controller.signal, log }, controller, finish };
  }

  private failure(
    thrown: unknown,
    call: Call,
    finish: (code: Code, message?: string) => void,
  ): { code: number; details: string; message: string; name: string; metadata: Metadata } {
    // What a handler throws because its caller has gone is told by why it has gone.
    const { code, message } = this.options.toStatus(call.signal.aborted ? call.signal.reason : thrown, call);
    finish(code, message);
    return { code, details: message, message, name: codeName(code), metadata: new Metadata() };
  }
}

function wire(definition: ServiceDefinition, method: MethodDefinition): object {
  return {
    path: methodPath(definition, method),
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    requestSerialize: serializer(method.requestType),
    requestDeserialize: deserializer(method.requestType),
    responseSerialize: serializer(method.responseType),
    responseDeserialize: deserializer(method.responseType),
  };
}

/** grpc-js says "cancelled" for both; the deadline tells them apart. */
function cancelReason(grpcCall: Unary | Streaming): RpcError {
  const deadline = grpcCall.getDeadline();
  const at = deadline instanceof Date ? deadline.getTime() : deadline;
  if (Date.now() >= at - 1) return new RpcError(Code.DEADLINE_EXCEEDED, 'the deadline of the call has passed');
  return new RpcError(Code.CANCELLED, 'the caller has gone');
}

function drained(stream: Streaming, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    stream.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
