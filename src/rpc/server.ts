import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { unlessAborted } from '../base/deadline';
import type { Call } from './call';
import { Code } from './code';
import { deserializer, MAX_MESSAGE_BYTES, methodPath, serializer } from './codec';
import { Incoming, type IncomingOptions } from './incoming';
import { bindSocketFile, type SocketFile, socketPath } from './listen';
import { RpcError } from './rpc-error';
import { ServerCall } from './server-call';
import { decodedRequests, sendReplies } from './server-stream';
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
  readonly method: MethodDefinition;
  readonly handler: AnyHandler;
  readonly decode: (bytes: Buffer) => unknown;
  readonly encode: (message: unknown) => readonly Buffer[];
}

/** In MB. Node's own limit of 10 would refuse streams while large answers wait to be sent. */
const SESSION_MEMORY = 1024;
const OK = { code: Code.OK, message: '' };

/** A gRPC server on a unix socket. Every row is wrapped here: log, metrics, deadline, cancellation, status. */
export class RpcServer {
  private readonly server: Http2Server;
  private readonly rows = new Map<string, Row>();
  private readonly sessions = new Set<ServerHttp2Session>();
  private readonly incoming = new Set<Incoming>();
  private calls = 0;
  private file?: SocketFile;
  private stopped?: Promise<void>;

  constructor(private readonly options: RpcServerOptions) {
    this.server = createServer({ maxSessionMemory: SESSION_MEMORY });
    this.server.on('session', (session) => {
      this.sessions.add(session);
      session.once('close', () => this.sessions.delete(session));
      session.on('error', () => undefined); // its calls are told
    });
    this.server.on('stream', (stream, headers) => this.serve(stream, headers));
  }

  /** Serves a service; to be called before `listen`. */
  addService<D extends ServiceDefinition>(definition: D, impl: ServiceImpl<D>): void {
    const handlers = impl as unknown as Record<string, AnyHandler>;
    for (const [key, method] of Object.entries(definition.methods)) {
      const { name, requestStream, responseStream, requestType, responseType } = method;
      const handler = handlers[key];
      if (!handler) throw new Error(`${definition.name} has no row ${key}`);
      if (requestStream && !responseStream) throw new Error(`${name}: client streams are not supported`);
      const [decode, encode] = [deserializer(requestType), serializer(responseType)];
      this.rows.set(methodPath(definition, method), { name, method, handler, decode, encode });
    }
  }

  /** Afterwards clients can connect to the socket at `address` (with or without `unix://`). Throws when another server listens there. */
  async listen(address: string, options: { mode?: number } = {}): Promise<void> {
    const bind = (path: string): Promise<void> =>
      new Promise((resolve, reject) => {
        this.server.once('error', reject);
        this.server.listen(path, () => {
          this.server.removeListener('error', reject);
          resolve();
        });
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
    const closed = this.closeSessions();
    const reason = new RpcError(Code.UNAVAILABLE, 'the server stops');
    for (const each of this.incoming) if (each.isStream) each.abort(reason);
    const drained = Promise.all([closed, ...[...this.incoming].map((each) => each.ended)]);
    if (await settlesWithin(drained, graceMs)) return;
    for (const each of this.incoming) each.abort(reason);
    if (await settlesWithin(closed, FLUSH_MS)) return;
    for (const session of this.sessions) session.destroy();
  }

  /** Lets nobody in; resolves when those who are there have gone, each after its last call. */
  private async closeSessions(): Promise<void> {
    if (this.server.listening) this.server.close();
    const gone = [...this.sessions].map((session) => new Promise((resolve) => session.once('close', resolve)));
    for (const session of this.sessions) session.close();
    await Promise.all(gone);
  }

  private serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const call = new ServerCall(stream, headers, this.options.maxMessageBytes ?? MAX_MESSAGE_BYTES);
    const path = String(headers[':path']);
    const row = this.rows.get(path);
    if (row) void this.answer(row, call);
    else call.finish({ code: Code.UNIMPLEMENTED, message: `there is no method ${path}` });
  }

  private async answer(row: Row, call: ServerCall): Promise<void> {
    const isStream = row.method.responseStream;
    this.calls += 1;
    const incoming = new Incoming({ method: row.name, id: this.calls, caller: call }, isStream, this.options);
    this.incoming.add(incoming);
    const outcome = await incoming.run((how) => this.handle(row, call, how));
    void incoming.ended.then(() => this.incoming.delete(incoming));
    call.finish(outcome.ok ? OK : outcome.status);
  }

  /** Hands the requests to the handler, and its replies to the caller. */
  private async handle({ method, handler, decode, encode }: Row, call: ServerCall, how: Call): Promise<void> {
    const { signal } = how;
    if (method.requestStream) {
      return sendReplies(handler(decodedRequests(call, decode, signal), how), { call, encode, signal });
    }
    const request = decode(await unlessAborted(call.request(), signal));
    if (method.responseStream) return sendReplies(handler(request, how), { call, encode, signal });
    const reply = encode(await handler(request, how));
    if (!signal.aborted) call.reply(reply);
  }
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
