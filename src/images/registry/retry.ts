import { Backoff, sleep } from '../../base/wait/backoff';
import { PullError } from '../errors';
import { PROXY_BUSY } from './dial';
import type { HttpResponse } from './http-body';
import { discard } from './http-body';
import { isPassing } from './passing';

/** How often and how soon something that may pass is tried again. */
export interface RetryRule {
  readonly attempts: number;
  readonly firstMs: number;
  readonly maxMs: number;
}

export const DEFAULT_RETRY: RetryRule = { attempts: 4, firstMs: 250, maxMs: 5000 };

/** A host that asks for more patience than this is not waited for. */
const MAX_RETRY_AFTER_MS = 20_000;

/**
 * Asks until the answer is not one of those that may pass, or as often as the rule says, and has `take` read the last
 * answer, whatever its status. An answer that breaks off while it is read is asked for again too. Throws the last error,
 * or the signal's reason.
 */
export async function patiently<T>(
  { rule, signal }: { rule: RetryRule; signal: AbortSignal },
  ask: (attempt: number) => Promise<HttpResponse>,
  take: (response: HttpResponse) => Promise<T>,
): Promise<T> {
  const { attempts, ...limits } = rule;
  const backoff = new Backoff(limits);
  for (let attempt = 1; ; attempt++) {
    const last = attempt >= attempts;
    try {
      const response = await ask(attempt);
      const wait = last || !isPassing(response.status) ? undefined : waitFor(response, backoff.next());
      if (wait === undefined) return await take(response);
      discard(response.body);
      await sleep(wait, signal);
    } catch (error) {
      if (last || signal.aborted || !mayPass(error)) throw error;
      await sleep(backoff.next(), signal);
    }
  }
}

/** True for errors that are worth another attempt: a connection that broke may hold next time; one that was refused, or a name that is not known, is not asked again. */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof PullError) || error.kind !== 'registry') return false;
  return ['ECONNRESET', 'EPIPE', 'EAI_AGAIN', PROXY_BUSY].includes(error.code ?? '');
}

/** Milliseconds until the next attempt; undefined if the server asks for too much patience. */
function waitFor(response: HttpResponse, backoffMs: number): number | undefined {
  const header = response.headers['retry-after'] ?? '';
  const asked = /^\d+(\.\d+)?$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  if (!Number.isFinite(asked)) return backoffMs;
  return asked <= MAX_RETRY_AFTER_MS ? Math.max(asked, backoffMs) : undefined;
}
