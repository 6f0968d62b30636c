import { errnoOf } from '../../base/errors';
import type { Reference } from '../document/reference';
import { Authorizer } from './authorizer';
import type { Credentials } from './credentials';
import type { Dialling } from './dead-hosts';
import { TLS_REFUSED } from './dial';
import type { HttpClient } from './http';
import type { HttpResponse } from './http-body';
import { discard } from './http-body';
import { isPassing } from './passing';
import { RedirectAuthorizers } from './redirect-authorizers';
import { isMirrorOf, type RegistryHost } from './registry-host';
import { mayPass, patiently, type RetryRule } from './retry';

export interface EndpointOptions {
  readonly http: HttpClient;
  readonly host: RegistryHost;
  readonly reference: Reference;
  readonly credentials: Credentials | undefined;
  readonly retry: RetryRule;
  /** No other host has this repository. */
  readonly alone: boolean;
}

/** What to ask: `rest` follows the repository, as in `manifests/latest`. */
export interface EndpointRequest {
  readonly method: 'GET' | 'HEAD';
  readonly rest: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly plainRedirects?: boolean;
  /** No other host is left to ask: this one is dialled though it could not be reached before, unless that was in this pull. */
  readonly insist?: boolean;
}

interface DiallingRequest extends EndpointRequest {
  readonly dialling: Dialling;
}

/** One repository at one host, during one pull. */
export class Endpoint {
  private readonly authorizer: Authorizer;
  private readonly redirects: RedirectAuthorizers;
  private scheme: 'https' | 'http';
  /** The last request was tried as often as the rule says, and in vain: where there are other hosts, they are asked sooner. */
  private tired = false;

  constructor(private readonly options: EndpointOptions) {
    this.scheme = options.host.scheme;
    const authorizing = {
      http: options.http,
      host: options.host,
      credentials: options.credentials,
      scope: `repository:${options.reference.path}:pull`,
      retry: options.retry,
      isSecure: () => this.scheme === 'https',
    };
    this.authorizer = new Authorizer(authorizing);
    this.redirects = new RedirectAuthorizers(authorizing);
  }

  /** Tells it from the other hosts. */
  get name(): string {
    const { scheme, host, path } = this.options.host;
    return `${scheme}://${host}${path}`;
  }

  get host(): RegistryHost {
    return this.options.host;
  }

  /**
   * The host's answer, whatever its status, after its challenge was met and what may pass was tried again. Throws a
   * PullError when there is none.
   */
  ask(request: EndpointRequest): Promise<HttpResponse> {
    return this.read(request, async (response) => response);
  }

  /** What `take` makes of the host's answer; like `ask`, but an answer that breaks off is asked for again as well. */
  async read<T>(request: EndpointRequest, take: (response: HttpResponse) => Promise<T>): Promise<T> {
    const { retry, alone } = this.options;
    const rule = this.tired && !alone ? { ...retry, attempts: 1 } : retry;
    const first = request.insist ? 'insist' : 'unless-dead';
    const ask = (attempt: number): Promise<HttpResponse> =>
      this.authorized({ ...request, dialling: attempt > 1 ? 'always' : first });
    try {
      return await patiently({ rule, signal: request.signal }, ask, (response) => {
        this.tired = isPassing(response.status);
        return take(response);
      });
    } catch (error) {
      if (mayPass(error)) this.tired = true;
      throw error;
    }
  }

  private async authorized(request: DiallingRequest): Promise<HttpResponse> {
    const { signal, dialling } = request;
    const meetElsewhere = this.redirects.oneRequest(dialling);
    for (let round = 0; ; ) {
      const { Authorization } = await this.authorizer.authorization(signal, dialling);
      const response = await this.send(request, Authorization);
      if (response.status !== 401) return response;
      if (response.foreign) {
        if (!(await meetElsewhere(response, signal))) return response;
      } else if (round++ >= 2 || !(await this.authorizer.meet(response, Authorization, signal, dialling))) {
        return response;
      }
      discard(response.body);
    }
  }

  private async send(request: DiallingRequest, authorization: string | undefined): Promise<HttpResponse> {
    const { http, host } = this.options;
    const toSend = {
      method: request.method,
      headers: request.headers,
      private: { ...mutable(host.headers), ...(authorization === undefined ? {} : { Authorization: authorization }) },
      elsewhere: (url: URL) => this.redirects.headersFor(url, request),
      trust: host.trust,
      signal: request.signal,
      dialling: request.dialling,
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
