import type { Call } from '../../../src/rpc/call';
import { Code } from '../../../src/rpc/code';
import { RpcError } from '../../../src/rpc/rpc-error';
import type { MessageOf, MethodDefinition, ServiceDefinition, ServiceImpl } from '../../../src/rpc/service';
import { type Failpoints, failWith } from './failpoints';
import { type NamespaceState, notFound, type World } from './world';

/** What a row of the fake knows of its call. */
export interface Ctx {
  ns: NamespaceState;
  signal: AbortSignal;
  /** Puts what the call made under the caller's lease. */
  protect(type: string, id: string): void;
}

type Row<M extends MethodDefinition> = M['requestStream'] extends true
  ? (requests: AsyncIterable<MessageOf<M['requestType']>>, ctx: Ctx) => AsyncIterable<MessageOf<M['responseType']>>
  : M['responseStream'] extends true
    ? (req: MessageOf<M['requestType']>, ctx: Ctx) => AsyncIterable<MessageOf<M['responseType']>>
    : (
        req: MessageOf<M['requestType']>,
        ctx: Ctx,
      ) => MessageOf<M['responseType']> | Promise<MessageOf<M['responseType']>>;

export type Rows<D extends ServiceDefinition> = { readonly [K in keyof D['methods']]: Row<D['methods'][K]> };

export interface Recorder {
  readonly world: World;
  readonly failpoints: Failpoints;
  /** Every call, in order: `package.Service/Method`. */
  readonly calls: string[];
}

/** Stands for a request whose answer is to be empty. */
const NOTHING = Symbol('nothing');

type AnyRow = (req: unknown, ctx: Ctx) => unknown;

/** The rows of a service with what all have in common: the record of calls, failpoints, namespace and lease. */
export function served<D extends ServiceDefinition>(
  recorder: Recorder,
  definition: D,
  rows: Rows<D>,
  options: { namespaced: boolean } = { namespaced: true },
): ServiceImpl<D> {
  const impl: Record<string, unknown> = {};
  for (const [key, method] of Object.entries(definition.methods)) {
    const path = `${definition.fullName}/${method.name}`;
    const row = (rows as unknown as Record<string, AnyRow>)[key];
    if (!row) throw new Error(`the fake has no ${path}`);
    recorder.failpoints.methods.add(path);
    const enter = (call: Call): Ctx => contextOf(recorder.world, call, options.namespaced);
    const { decode } = method.responseType as { decode(bytes: Uint8Array): unknown };
    const empty = (): unknown => decode(new Uint8Array());
    impl[key] = method.responseStream
      ? streamRow(recorder, path, row, enter)
      : unaryRow(recorder, path, (req, ctx) => (req === NOTHING ? empty() : row(req, ctx)), enter);
  }
  return impl as ServiceImpl<D>;
}

function unaryRow({ calls, failpoints }: Recorder, path: string, row: AnyRow, enter: (call: Call) => Ctx) {
  return async (req: unknown, call: Call): Promise<unknown> => {
    calls.push(path);
    const failure = failpoints.take(path, req);
    if (failure?.empty) return row(NOTHING, enter(call));
    if (failure?.until) await failure.until;
    else if (failure && !failure.afterEffect) return failWith(failure, call.signal);
    const answer = await row(req, enter(call));
    return failure?.afterEffect ? failWith(failure, call.signal) : answer;
  };
}

function streamRow({ calls, failpoints }: Recorder, path: string, row: AnyRow, enter: (call: Call) => Ctx) {
  return async function* (req: unknown, call: Call): AsyncGenerator<unknown> {
    calls.push(path);
    const failure = failpoints.take(path, req);
    if (failure?.empty) return;
    if (failure?.until) await failure.until;
    else if (failure && !failure.afterEffect) await failWith(failure, call.signal);
    yield* row(req, enter(call)) as AsyncIterable<unknown>;
    if (failure?.afterEffect) await failWith(failure, call.signal);
  };
}

function contextOf(world: World, call: Call, namespaced: boolean): Ctx {
  const name = call.header?.('containerd-namespace');
  if (!name && namespaced) throw new RpcError(Code.FAILED_PRECONDITION, 'namespace is required: failed precondition');
  const ns = world.namespace(name ?? '');
  const lease = call.header?.('containerd-lease');
  const protect = (type: string, id: string): void => {
    if (!lease) return;
    const held = ns.leases.get(lease);
    if (!held) throw notFound(`lease "${lease}"`);
    held.resources.add(`${type} ${id}`);
  };
  return { ns, signal: call.signal, protect };
}
