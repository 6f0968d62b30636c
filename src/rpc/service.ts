import type { Call } from './call';
import { Code } from './code';
import { RpcError } from './rpc-error';

/** How a message is written and read: what ts-proto makes for every message. */
export interface MessageType<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(input: Uint8Array): T;
}

/** One RPC of a service, as ts-proto's generic definitions describe it. */
export interface MethodDefinition {
  readonly name: string;
  readonly requestType: unknown;
  readonly requestStream: boolean;
  readonly responseType: unknown;
  readonly responseStream: boolean;
}

/** A service, as ts-proto's generic definitions describe it. */
export interface ServiceDefinition {
  readonly name: string;
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

/** The type of a message, from its codec. */
export type MessageOf<T> = T extends { decode(input: never, ...rest: never[]): infer M } ? M : never;

/** A message whose bytes are there already: who keeps records encoded, or can write one with fewer copies, sends these. */
export class EncodedMessage {
  /** The bytes lie in these, one after another; they must not change before the message has been sent. */
  readonly parts: readonly Buffer[];

  constructor(...parts: readonly Buffer[]) {
    this.parts = parts;
  }
}

type Reply<M extends MethodDefinition> = MessageOf<M['responseType']> | EncodedMessage;

/** What a handler is given: the request, or a stream of requests. */
type Request<M extends MethodDefinition> = M['requestStream'] extends true
  ? AsyncIterable<MessageOf<M['requestType']>>
  : MessageOf<M['requestType']>;

/** An implementation of one RPC: a promise or a stream of replies, given the request or the stream of requests. */
export type Handler<M extends MethodDefinition> = M['responseStream'] extends true
  ? (req: Request<M>, call: Call) => AsyncIterable<Reply<M>>
  : (req: Request<M>, call: Call) => Promise<Reply<M>>;

/** An implementation of a whole service: a missing row does not compile. */
export type ServiceImpl<D extends ServiceDefinition> = { readonly [K in keyof D['methods']]: Handler<D['methods'][K]> };

/** The row of an RPC that is not offered. Clients fall back on this code, so nothing else may answer it. */
export function notImplemented(_req: unknown, call: Call): never {
  throw new RpcError(Code.UNIMPLEMENTED, `${call.method} is not offered`);
}
