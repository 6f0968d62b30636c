import { Backoff, sleep } from '../base/backoff';
import { errnoOf } from '../base/errors';
import { Authorizer } from './authorizer';
import type { Credentials } from './credentials';
import { TLS_REFUSED } from './dial';
import { PullError, refused, unreachable } from './errors';
import { discard, type HttpClient, type HttpResponse, readBody } from './http';
import { redactUrl } from './redact';
import type { Reference } from './reference';
import { isMirrorOf, type RegistryHost } from './registry-host';

/** How often and how soon something that may pass is tried again. */
export interface RetryRule {
  readonly attempts: number;
  readonly firstMs: number;
  readonly maxMs: number;
}

export const DEFAULT_RETRY: RetryRule = { attempts: 4, firstMs: 250, maxMs: 5000 };

const MAX_ERROR_BODY = 16_384;
const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
/** A host that asks for more patience than this is not waited for. */
const MAX_RETRY_AFTER_MS = 20_000;

export interface EndpointOptions {
  readonly http: HttpClient;
  readonly host: RegistryHost;
  readonly reference: Reference;
  readonly credentials: Credentials | undefined;
  readonly retry: RetryRule;
}

/** What to ask: `rest` follows the repository, as in `manifests/latest`. */
export interface EndpointRequest {
  readonly method: 'GET' | 'HEAD';
  readonly rest: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly plainRedirects?: boolean;
}

/** One repository at one host, during one pull. */
export class Endpoint {
  private readonly authorizer: Authorizer;
  private scheme: 'https' | 'http';

  constructor(private readonly options: EndpointOptions) {
    this.scheme = options.host.scheme;
    this.authorizer = new Authorizer({
      http: options.http,
      host: options.host,
      credentials: options.credentials,
      scope: `repository:${options.reference.path}:pull`,
      isSecure: () => this.scheme === 'https',
    });
  }

  get host(): RegistryHost {
    return this.options.host;
  }

  /**
   * The host's answer, whatever its status, after its challenge was met and what may pass was tried again. Throws a
   * PullError when there is none.
   */
  async ask(request: EndpointRequest): Promise<HttpResponse> {
    const { attempts, ...limits } = this.options.retry;
    const backoff = new Backoff(limits);
    for (let attempt = 1; ; attempt++) {
      const last = attempt >= attempts;
      try {
        const response = await this.authorized(request);
        const wait = last || !PASSING.has(response.status) ? undefined : waitFor(response, backoff.next());
        if (wait === undefined) return response;
        discard(response.body);
        await sleep(wait, request.signal);
      } catch (error) {
        if (last || request.signal.aborted || !mayPass(error)) throw error;
        await sleep(backoff.next(), request.signal);
      }
    }
  }

  /** What to throw for an answer that is not the one hoped for, in the registry's own words. Ends the body. */
  async failure(response: HttpResponse, what: string): Promise<PullError> {
    const { status } = response;
    const said = await wordsOf(response);
    const message = `${what}: ${redactUrl(response.url)} answered ${status}${said === '' ? '' : ` (${said})`}`;
    if (status === 401 || status === 403) return refused(`${message}: access is denied`);
    if (status === 404) return refused(`${message}: not found`);
    return status >= 500 || status === 429 || status === 408 ? unreachable(message) : refused(message);
  }

  private async authorized(request: EndpointRequest): Promise<HttpResponse> {
    for (let round = 0; ; round++) {
      const { Authorization } = await this.authorizer.authorization(request.signal);
      const response = await this.send(request, Authorization);
      if (response.status !== 401 || response.foreign || round >= 2) return response;
      if (!(await this.authorizer.meet(response, Authorization, request.signal))) return response;
      discard(response.body);
    }
  }

  private async send(request: EndpointRequest, authorization: string | undefined): Promise<HttpResponse> {
    const { http, host } = this.options;
    const toSend = {
      method: request.method,
      headers: request.headers,
      private: { ...mutable(host.headers), ...(authorization === undefined ? {} : { Authorization: authorization }) },
      trust: host.trust,
      signal: request.signal,
      plainRedirects: request.plainRedirects ?? this.scheme === 'http',
    };
    try {
      return await http.request({ ...toSend, url: this.urlOf(request.rest) });
    } catch (error) {
      if (errnoOf(error) !== TLS_REFUSED || !host.plainFallback || this.scheme === 'http') throw error;
      this.scheme = 'http'; // a registry on this machine that has no certificate
      return this.send(request, authorization);
    }
  }

  private urlOf(rest: string): URL {
    const { host, reference } = this.options;
    const url = new URL(`${this.scheme}://${host.host}${host.path}/${reference.path}/${rest}`);
    if (isMirrorOf(host, reference.domain)) url.searchParams.set('ns', reference.domain);
    return url;
  }
}

function mutable(headers: RegistryHost['headers']): Record<string, string[]> {
  return Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, [...values]]));
}

/** A connection that broke may hold next time; one that was refused, or a name that is not known, is not asked again. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof PullError) || error.kind !== 'registry') return false;
  return error.code === 'ECONNRESET' || error.code === 'EPIPE' || error.code === 'EAI_AGAIN';
}

function waitFor(response: HttpResponse, backoffMs: number): number | undefined {
  const seconds = Number(response.headers['retry-after'] ?? Number.NaN);
  if (!Number.isFinite(seconds)) return backoffMs;
  return seconds * 1000 <= MAX_RETRY_AFTER_MS ? Math.max(seconds * 1000, backoffMs) : undefined;
}

/** Codes and messages from a registry's error document, cut short; anything else says nothing. */
async function wordsOf(response: HttpResponse): Promise<string> {
  try {
    const body = await readBody(response, MAX_ERROR_BODY);
    const document: unknown = JSON.parse((body ?? '').toString('utf8'));
    if (typeof document !== 'object' || document === null || !('errors' in document)) return '';
    const errors: unknown[] = Array.isArray(document.errors) ? document.errors : [];
    return errors.slice(0, 3).map(oneError).filter(Boolean).join('; ').slice(0, 300);
  } catch {
    return ''; // no words, then: the status says enough
  }
}

function oneError(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  const code = 'code' in value && typeof value.code === 'string' ? value.code : '';
  const message = 'message' in value && typeof value.message === 'string' ? value.message : '';
  return [code, message].filter((part) => part !== '').join(': ');
}
