import { type JsonMessage, jsonFields } from '../../generated/cri/v1/json-fields';
import type { LoopWatch } from '../base/loop-watch';
import type { Call } from '../rpc/call';
import { Code } from '../rpc/code';
import { RpcError } from '../rpc/rpc-error';
import type { MessageType, MethodDefinition, ServiceDefinition, ServiceImpl } from '../rpc/service';
import { RequestLimits } from './request-limits';
import { readRequest } from './request-reader';

/** A request that is not served, in the place of its message, and why. */
class Refused {
  constructor(readonly error: RpcError) {}
}

type AnyHandler = (request: unknown, call: Call) => unknown;

/** Tells what runs. */
type Watch = Pick<LoopWatch, 'enter'>;

/**
 * A service of CRI that refuses requests beyond the limits of `request-limits.ts` before they are decoded, and what cannot be
 * decoded, as INVALID_ARGUMENT; and that tells the watchdog of the event loop which RPC runs, and which step of it.
 */
export function guarded<D extends ServiceDefinition>(
  definition: D,
  impl: ServiceImpl<D>,
  watch: Watch,
): { readonly definition: D; readonly impl: ServiceImpl<D> } {
  const limits = new RequestLimits();
  const handlers = impl as unknown as Record<string, AnyHandler>;
  const rows = Object.entries(definition.methods).map(([key, method]) => {
    const handler = handlers[key];
    if (!handler) throw new Error(`${definition.name} has no row ${key}`);
    return { key, method: withLimits(method, limits, watch), handler: watched(method.name, handler, watch) };
  });
  const methods = Object.fromEntries(rows.map(({ key, method }) => [key, method]));
  return {
    definition: { ...definition, methods },
    impl: Object.fromEntries(rows.map(({ key, handler }) => [key, handler])) as unknown as ServiceImpl<D>,
  };
}

function withLimits(method: MethodDefinition, limits: RequestLimits, watch: Watch): MethodDefinition {
  const { name } = method;
  const request = method.requestType as MessageType<unknown>;
  const reply = method.responseType as MessageType<unknown>;
  const message = requestOf(name);
  const decode = (bytes: Uint8Array): unknown => {
    watch.enter(`${name}: its request`);
    try {
      limits.check(message, bytes);
      return readRequest(request, bytes);
    } catch (error) {
      return new Refused(error instanceof RpcError ? error : undecodable());
    }
  };
  const encode = (answer: unknown): { finish(): Uint8Array } => {
    watch.enter(`${name}: its answer`);
    return reply.encode(answer);
  };
  return {
    ...method,
    requestType: { encode: (value: unknown) => request.encode(value), decode },
    responseType: { encode, decode: (bytes: Uint8Array) => reply.decode(bytes) },
  };
}

function watched(name: string, handler: AnyHandler, watch: Watch): AnyHandler {
  return (request, call) => {
    if (request instanceof Refused) throw request.error;
    watch.enter(name);
    return handler(request, { ...call, stage: (stage) => watch.enter(`${name}: ${stage}`) });
  };
}

function undecodable(): RpcError {
  return new RpcError(Code.INVALID_ARGUMENT, 'the request: cannot be decoded');
}

/** The name of an RPC's request: CRI names them after the RPC, but one. */
function requestOf(rpc: string): JsonMessage {
  const name = rpc === 'GetContainerEvents' ? 'GetEventsRequest' : `${rpc}Request`;
  if (!isMessage(name)) throw new Error(`${rpc} has no ${name}`);
  return name;
}

function isMessage(name: string): name is JsonMessage {
  return Object.hasOwn(jsonFields, name);
}
