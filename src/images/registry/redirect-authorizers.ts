import { Authorizer, type AuthorizerOptions } from './authorizer';
import type { Dialling } from './dead-hosts';
import type { HttpResponse } from './http-body';

/** How often one host may ask anew within one request: for a token, and for another scope. */
const MAX_CHALLENGES = 2;
/** Hosts of one request that may ask for a token: more is a loop. */
const MAX_HOSTS = 3;

/**
 * Answers the challenges of hosts to which a registry redirects, during one pull: with tokens that anyone may have. Neither
 * credentials nor tokens of the registry are known here, and a host's token goes to that host alone.
 */
export class RedirectAuthorizers {
  private readonly byOrigin = new Map<string, Authorizer>();

  /** What the registry's own authorizer works with; its credentials are left out. */
  constructor(private readonly options: AuthorizerOptions) {}

  /** The headers for a host that a redirect leads to; none before it has asked for a token. */
  async headersFor(
    url: URL,
    { signal, dialling }: { signal: AbortSignal; dialling: Dialling },
  ): Promise<{ Authorization?: string }> {
    return (await this.byOrigin.get(url.origin)?.authorization(signal, dialling)) ?? {};
  }

  /** For one request: tells of each 401 of another host whether the request is worth sending again. */
  oneRequest(dialling: Dialling): (response: HttpResponse, signal: AbortSignal) => Promise<boolean> {
    const challenges = new Map<string, number>();
    return async (response, signal) => {
      const { origin } = response.url;
      const before = challenges.get(origin) ?? 0;
      if (before >= MAX_CHALLENGES || (before === 0 && challenges.size >= MAX_HOSTS)) return false;
      challenges.set(origin, before + 1);
      return this.authorizerFor(response.url).meet(response, response.sentAuthorization, signal, dialling);
    };
  }

  private authorizerFor(url: URL): Authorizer {
    const known = this.byOrigin.get(url.origin);
    if (known) return known;
    const { host } = this.options;
    const made = new Authorizer({
      ...this.options,
      credentials: undefined,
      host: { ...host, host: url.host, headers: {}, trust: { ...host.trust, client: [] } },
      isSecure: () => url.protocol === 'https:',
    });
    this.byOrigin.set(url.origin, made);
    return made;
  }
}
