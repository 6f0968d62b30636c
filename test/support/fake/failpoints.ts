import type { Code } from '../../../src/rpc/code';
import { RpcError } from '../../../src/rpc/rpc-error';

export interface Failure {
  /** Which call fails, counted from 1 and from now; default: the first. `always`: every call. */
  nth?: number | 'always';
  code?: Code;
  message?: string;
  /** The call takes effect, and its answer is lost. */
  afterEffect?: boolean;
  /** The call never answers. */
  hang?: boolean;
  /** The call goes on as if nothing had been when this resolves. */
  until?: Promise<unknown>;
  /** The call succeeds at once with an empty message, a stream with none, and has no effect. */
  empty?: boolean;
  /** The call succeeds; only `hit` is called. */
  passes?: boolean;
  /** Told when the call begins. */
  hit?: () => void;
  /** Only calls with such a request fail, and are counted. */
  when?: (request: Readonly<Record<string, unknown>>) => boolean;
}

interface Armed extends Failure {
  method: string;
  seen: number;
}

/** Calls that are to fail. */
export class Failpoints {
  private readonly armed: Armed[] = [];
  readonly methods = new Set<string>();

  /** `method` is `package.Service/Method`, or its end from the service on. */
  add(method: string, failure: Failure): void {
    const known = [...this.methods].filter((path) => path === method || path.endsWith(`.${method}`));
    if (known.length !== 1) throw new Error(`${known.length} methods are named ${method}`);
    this.armed.push({ ...failure, method: known[0] ?? '', seen: 0 });
  }

  clear(): void {
    this.armed.length = 0;
  }

  /** What is to become of this call of `method` with `request`. */
  take(method: string, request: unknown): Failure | undefined {
    let hit: Failure | undefined;
    for (const failure of this.armed) {
      if (failure.method !== method) continue;
      if (failure.when && !failure.when(request as Readonly<Record<string, unknown>>)) continue;
      failure.seen += 1;
      if (failure.nth === 'always' || failure.seen === (failure.nth ?? 1)) hit ??= failure;
    }
    hit?.hit?.();
    return hit?.passes ? undefined : hit;
  }
}

/** The error of a failing call; a hanging one throws when its caller has gone. */
export async function failWith(failure: Failure, signal: AbortSignal): Promise<never> {
  if (failure.hang) await untilAborted(signal);
  throw new RpcError(failure.code ?? 14, failure.message ?? 'made to fail');
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
