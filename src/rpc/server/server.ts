import { constants } from 'node:http2';
import { type Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { errorMessage } from '../../base/errors';
import { unlessAborted } from '../../base/wait/deadline';
import type { Call } from '../call';
import { Code } from '../code';
import { deserializer, MAX_MESSAGE_BYTES, methodPath, serializer } from '../codec';
import { RpcError } from '../rpc-error';
import type { MethodDefinition, ServiceDefinition, ServiceImpl } from '../service';
import { type Accept, Listener } from './accept';
import { AnswerRoom } from './answer-room';
import type { Asked } from './arriving-request';
import { type Answering, GrpcServer, type MethodKind, refuse } from './grpc-server';
import { HeldBytes } from './held-bytes';
import { Incoming, type IncomingOptions } from './incoming';
import { bindSocketFile, type SocketFile, socketPath } from './listen';
import { type CallLimits, ServerCall } from './server-call';
import { decodedRequests, sendReplies } from './server-stream';
import { mostConnections } from './sessions';
import { Turns } from './turns';

/** How long the last answers have to leave after the grace period. */
const FLUSH_MS = 250;
/** Four requests of the largest size. kubelet's are a few KiB. */
const ALL_REQUESTS_BYTES = 64 * 1024 * 1024;
/** Lists of a full node have about a MiB: so many callers may be slow to read one. */
const ALL_ANSWERS_BYTES = 256 * 1024 * 1024;
/** A client has the whole request when its call begins. */
const ARRIVAL_MS = 60_000;

export interface RpcServerOptions extends IncomingOptions {
  /** Limit of one message, received or sent. */
  readonly maxMessageBytes?: number;
  /** Limit of all requests under way together. */
  readonly allRequestsBytes?: number;
  /** Limit of all answers together that wait to be read. */
  readonly allAnswersBytes?: number;
  /** After how many milliseconds a caller that takes nothing of its answer counts as one that does not read. */
  readonly answersStillMs?: number;
  /** How long a request may take to come whole. */
  readonly arrivalMs?: number;
  /** How many descriptors this process may have open; absent: any number. */
  readonly openFiles?: number;
  /** Takes up connections that wait; without it Node takes up one in a turn of the event loop. */
  readonly accept?: Accept;
  /** The library's own, between the connection and the handlers. */
  readonly interceptors?: readonly ServerInterceptor[];
}

type AnyHandler = (request: unknown, call: Call) => unknown;

interface Row {
  readonly name: string;
  readonly method: MethodDefinition;
  readonly handler: AnyHandler;
  readonly decode: (bytes: Buffer) => unknown;
  readonly encode: (message: unknown) => readonly Buffer[];
}

const MALFORMED_TIMEOUT = { code: Code.INTERNAL, message: 'grpc-timeout is malformed' };
const OK = { code: Code.OK, message: '' };
/** Units of grpc-timeout in milliseconds (gRPC over HTTP2). */
const UNIT_MS: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/**
 * A gRPC server on a unix socket: the official library's, in front of which connections are taken up, and behind which
 * every row is wrapped: log, metrics, deadline, cancellation, status.
 */
export class RpcServer {
  private readonly grpc: GrpcServer;
  private readonly listener: Listener;
  private readonly limits: CallLimits;
  private readonly rows = new Map<string, Row>();
  private readonly received = new WeakMap<Metadata, ServerCall>();
  private readonly incoming = new Set<Incoming>();
  private readonly turns = new Turns();
  private calls = 0;
  /** The stream that the library is about to serve. */
  private asked?: Omit<Asked, 'requestStream'>;
  private file?: SocketFile;
  private stopped?: Promise<void>;

  constructor(private readonly options: RpcServerOptions) {
    this.limits = {
      log: options.log,
      messageBytes: options.maxMessageBytes ?? MAX_MESSAGE_BYTES,
      arrivalMs: options.arrivalMs ?? ARRIVAL_MS,
      requests: new HeldBytes(options.allRequestsBytes ?? ALL_REQUESTS_BYTES),
      answers: new AnswerRoom(options.allAnswersBytes ?? ALL_ANSWERS_BYTES, options.answersStillMs),
    };
    const ours: ServerInterceptor = ({ path }, library) => this.begin(path, library);
    const library = {
      maxMessageBytes: this.limits.messageBytes,
      connections: mostConnections(options.openFiles),
      interceptors: [...(options.interceptors ?? []), ours],
    };
    this.grpc = new GrpcServer(library, (stream, headers, serve) => this.gate({ stream, headers }, serve));
    this.listener = new Listener((socket) => this.grpc.connect(socket), options.accept);
  }

  /** Serves a service; to be called before `listen`. */
  addService<D extends ServiceDefinition>(definition: D, impl: ServiceImpl<D>): void {
    const handlers = impl as unknown as Record<string, AnyHandler>;
    for (const [key, method] of Object.entries(definition.methods)) {
      const { name, requestType, responseType } = method;
      const handler = handlers[key];
      if (!handler) throw new Error(`${definition.name} has no row ${key}`);
      const [decode, encode] = [deserializer(requestType), serializer(responseType)];
      const path = methodPath(definition, method);
      this.rows.set(path, { name, method, handler, decode, encode });
      this.grpc.register(path, kindOf(method), (call) => this.received.get(call.metadata)?.receive(call));
    }
  }

  /** Afterwards clients can connect to the socket at `address` (with or without `unix://`). Throws when another server listens there. */
  async listen(address: string, options: { mode?: number } = {}): Promise<void> {
    const bind = (path: string): Promise<void> => this.listener.listen(path);
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
    // First: who dials from now on must find nobody, or the next server.
    await this.file?.remove().catch((error: unknown) => {
      this.options.log.warn('the socket file cannot be removed', { error: errorMessage(error) });
    });
    this.listener.close();
    const closed = this.grpc.close();
    const reason = new RpcError(Code.UNAVAILABLE, 'the server stops');
    for (const each of this.incoming) if (each.isStream) each.abort(reason);
    const drained = Promise.all([closed, ...[...this.incoming].map((each) => each.ended)]);
    if (!(await settlesWithin(drained, graceMs))) {
      for (const each of this.incoming) each.abort(reason);
      await settlesWithin(closed, FLUSH_MS);
    }
    this.grpc.destroy();
  }

  /** Every stream comes through here before the library sees it. What the library cannot take must not end the process. */
  private gate({ stream, headers }: Omit<Asked, 'requestStream'>, serve: () => void): void {
    const written = headers['grpc-timeout'];
    const timeoutMs = written === undefined ? undefined : parseTimeout(String(written));
    if (Number.isNaN(timeoutMs)) return void refuse(stream, MALFORMED_TIMEOUT);
    // Ours alone: the library's deadline turns negative beyond 24 days.
    delete headers['grpc-timeout'];
    this.asked = { stream, headers, timeoutMs };
    try {
      serve();
    } catch {
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    } finally {
      this.asked = undefined;
    }
  }

  /** A call of a method that is here begins: the library is about to read its request. */
  private begin(path: string, library: Answering): ServerInterceptingCall {
    const [row, asked] = [this.rows.get(path), this.asked];
    if (!row || !asked) throw new Error(`${path} was not asked for`);
    const call = new ServerCall({ ...asked, requestStream: row.method.requestStream }, library, this.limits);
    this.answer(row, call).catch((error: unknown) => call.broken(error));
    return new ServerInterceptingCall(library, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            this.received.set(metadata, call);
            pass(metadata);
          },
        }),
      // Our answers go past this: what comes here is the library's word on a request that has ended too soon.
      sendStatus: () => call.refuse(new RpcError(Code.INTERNAL, 'the request holds no whole message')),
    });
  }

  private async answer(row: Row, call: ServerCall): Promise<void> {
    const isStream = row.method.responseStream;
    this.calls += 1;
    const incoming = new Incoming({ method: row.name, id: this.calls, caller: call }, isStream, this.options);
    this.incoming.add(incoming);
    try {
      const outcome = await incoming.run((how) => this.handle(row, call, how));
      call.finish(outcome.ok ? OK : outcome.status);
    } finally {
      void incoming.ended.then(() => {
        this.incoming.delete(incoming);
        call.release();
      });
    }
  }

  /** Hands the requests to the handler, and its replies to the caller. */
  private async handle({ method, handler, decode, encode }: Row, call: ServerCall, how: Call): Promise<void> {
    const { signal } = how;
    const message = method.requestStream ? undefined : await unlessAborted(call.request(), signal);
    const turn = this.turns.enter();
    if (turn) await unlessAborted(turn, signal);
    const request = message ? decode(message) : decodedRequests(call, decode, signal);
    if (method.responseStream) return sendReplies(handler(request, how), { call, encode, signal });
    const answer = await handler(request, how);
    const held = call.hold(signal);
    if (held) await held;
    const reply = encode(answer);
    if (!signal.aborted) call.reply(reply);
  }
}

function kindOf({ requestStream, responseStream }: MethodDefinition): MethodKind {
  if (requestStream) return responseStream ? 'bidi' : 'clientStream';
  return responseStream ? 'serverStream' : 'unary';
}

/** Milliseconds; NaN when it is malformed (gRPC over HTTP2: eight digits at most, and a unit). */
function parseTimeout(header: string): number {
  const match = /^(\d{1,8})([HMSmun])$/.exec(header);
  return match ? Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? 0) : Number.NaN;
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
