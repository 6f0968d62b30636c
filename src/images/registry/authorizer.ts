import { goStruct, readAsGo } from '../../base/json/go-fields';
import { SharedWork } from '../../base/work/shared-work';
import { type JsonObject, parseObject } from '../document/json-document';
import { PullError, refused, unreachable } from '../errors';
import { answered } from './answer';
import { type Challenge, parseChallenges } from './auth-challenge';
import { basicAuthorization, type Credentials } from './credentials';
import type { Dialling } from './dead-hosts';
import type { HttpClient } from './http';
import { discard, type HttpResponse, readBody } from './http-body';
import { isPassing } from './passing';
import type { RegistryHost } from './registry-host';
import { DEFAULT_RETRY, mayPass, patiently, type RetryRule } from './retry';

const TOKEN_SHAPE = goStruct('token access_token expires_in issued_at refresh_token');
const CLIENT_ID = 'crisp';
/** As containers/image has it. */
const MAX_TOKEN_ANSWER = 1 << 20;
/** A token goes into a header, and servers take headers of 8 to 64 KiB. */
const MAX_TOKEN = 1 << 16;
/** Scopes of one challenge: a registry asks for one, and Docker Hub's for two where a layer comes from elsewhere. */
const MAX_SCOPES = 16;
/** What the token specification says a token lasts when its server does not. */
const DEFAULT_LIFETIME_S = 60;
/** A token is renewed this long before it ends. */
const MARGIN_MS = 5000;

/** For whom to speak, and where. */
export interface AuthorizerOptions {
  readonly http: HttpClient;
  readonly host: RegistryHost;
  readonly credentials: Credentials | undefined;
  /** What to ask a token for when the challenge does not say: `repository:<path>:pull`. */
  readonly scope: string;
  /** How often and how soon the token server is asked again when its failure may pass: as the registry itself. */
  readonly retry?: RetryRule;
  /** True if the host is spoken to in https, which may turn out only when it is. */
  isSecure(): boolean;
}

/** How the token server is asked. */
interface Way {
  readonly signal: AbortSignal;
  readonly dialling: Dialling | undefined;
}

/**
 * Speaks for us at one host during one pull: answers its challenges and remembers the token. Credentials go to that host
 * and to the token server it names, and nowhere else.
 */
export class Authorizer {
  private header: string | undefined;
  private goodUntil = Number.POSITIVE_INFINITY;
  private lastChallenge: Challenge[] | undefined;
  /** Requests side by side (parts of one blob) need the same token: it is fetched once, and outlives each of them. */
  private readonly renewals = new SharedWork<void>();

  private readonly http: HttpClient;
  private readonly host: RegistryHost;
  private readonly credentials: Credentials | undefined;

  constructor(private readonly options: AuthorizerOptions) {
    this.http = options.http;
    this.host = options.host;
    this.credentials = options.credentials;
  }

  /** The Authorization header to send; none before the host has asked for one. A token about to end is renewed. */
  async authorization(signal: AbortSignal, dialling?: Dialling): Promise<{ Authorization?: string }> {
    if (this.lastChallenge && performance.now() > this.goodUntil - MARGIN_MS)
      await this.renew(this.lastChallenge, { signal, dialling });
    return this.header === undefined ? {} : { Authorization: this.header };
  }

  /**
   * Takes up the challenge of a 401. True if the request is worth sending again; false if what was sent is all there is.
   * Throws a PullError when the token server refuses.
   */
  async meet(
    response: HttpResponse,
    sent: string | undefined,
    signal: AbortSignal,
    dialling?: Dialling,
  ): Promise<boolean> {
    const challenges = parseChallenges([response.headers['www-authenticate'] ?? ''].flat().join(','));
    if (sent !== this.header && this.header !== undefined) return true; // somebody else has renewed it meanwhile
    if (sent !== undefined && !sent.startsWith('Bearer ')) return false;
    await this.renew(challenges, { signal, dialling });
    return this.header !== undefined && this.header !== sent;
  }

  private renew(challenges: Challenge[], { signal, dialling }: Way): Promise<void> {
    return this.renewals.run('token', signal, (shared) => this.answer(challenges, { signal: shared, dialling }));
  }

  private async answer(challenges: Challenge[], way: Way): Promise<void> {
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (this.credentials?.kind === 'bearer') {
      this.header = `Bearer ${this.credentials.token}`;
    } else if (bearer) {
      const { token, lifetimeS } = await this.fetchToken(bearer, way);
      this.header = `Bearer ${token}`;
      this.goodUntil = performance.now() + lifetimeS * 1000;
      this.lastChallenge = challenges;
    } else if (challenges.some(({ scheme }) => scheme === 'basic') && this.credentials?.kind === 'password') {
      this.header = basicAuthorization(this.credentials.username, this.credentials.password);
    }
  }

  private async fetchToken(challenge: Challenge, way: Way): Promise<Token> {
    const realm = this.realmOf(challenge);
    const service = challenge.params.get('service') ?? '';
    const scope = challenge.params.get('scope') || this.options.scope;
    const { signal } = way;
    const ask = (attempt: number): Promise<HttpResponse> => {
      const dialling: Dialling = attempt > 1 || way.dialling === 'insist' ? 'always' : (way.dialling ?? 'unless-dead');
      return this.credentials?.kind === 'identity'
        ? this.postForToken(realm, { service, scope, refresh: this.credentials.token }, { signal, dialling })
        : this.getToken(realm, { service, scope }, { signal, dialling });
    };
    const rule = this.options.retry ?? DEFAULT_RETRY;
    try {
      return await patiently({ rule, signal }, ask, (response) => this.tokenIn(response));
    } catch (error) {
      if (!(error instanceof PullError) || !mayPass(error)) throw error;
      throw new PullError(error.kind, error.message); // without its code: it was tried again here, and is not once more
    }
  }

  private async tokenIn(response: HttpResponse): Promise<Token> {
    const who = `the token server ${answered(response)}`;
    if (response.status === 200) return parseToken(await readBody(response, MAX_TOKEN_ANSWER), who);
    discard(response.body);
    if (response.status >= 500 || isPassing(response.status)) throw unreachable(who);
    throw refused(`${who}: ${this.credentials ? 'the credentials are not accepted' : 'it wants credentials'}`);
  }

  /** Where tokens are made. A registry that is spoken to in https must not have the credentials sent in the clear. */
  private realmOf(challenge: Challenge): URL {
    const text = challenge.params.get('realm') ?? '';
    const realm = URL.canParse(text) ? new URL(text) : undefined;
    if (!realm || (realm.protocol !== 'https:' && realm.protocol !== 'http:')) {
      throw refused(`${this.host.host} asks for a token but does not say where it is to be had`);
    }
    if (realm.protocol === 'http:' && this.options.isSecure() && this.credentials) {
      throw refused(`${this.host.host} wants the credentials sent in plain http to ${realm.host}`);
    }
    realm.username = '';
    realm.password = '';
    return realm;
  }

  private getToken(realm: URL, ask: { service: string; scope: string }, way: Way): Promise<HttpResponse> {
    const url = new URL(realm);
    const scopes = ask.scope.split(' ').filter((part) => part !== '');
    if (scopes.length > MAX_SCOPES)
      throw refused(`${this.host.host} asks for a token for more than ${MAX_SCOPES} scopes`);
    // Apart from the URL, which would be written anew for each of them.
    const query = new URLSearchParams(url.search);
    if (ask.service) query.set('service', ask.service);
    for (const scope of scopes) query.append('scope', scope);
    const who = this.credentials?.kind === 'password' ? this.credentials : undefined;
    if (who) query.set('account', who.username);
    url.search = query.toString();
    return this.http.request({
      method: 'GET',
      url,
      headers: { Accept: 'application/json' },
      private: who ? { Authorization: basicAuthorization(who.username, who.password) } : {},
      trust: this.trustFor(url),
      ...way,
    });
  }

  /** An identity token is an OAuth refresh token: it goes in the body of a POST. */
  private postForToken(
    realm: URL,
    ask: { service: string; scope: string; refresh: string },
    way: Way,
  ): Promise<HttpResponse> {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: ask.refresh,
      service: ask.service,
      scope: ask.scope,
      client_id: CLIENT_ID,
    });
    return this.http.request({
      method: 'POST',
      url: realm,
      headers: { Accept: 'application/json', 'Content-Type': 'application/x-www-form-urlencoded' },
      private: {},
      body: form.toString(),
      trust: this.trustFor(realm),
      ...way,
    });
  }

  /** Certificates believed for the registry are believed for its token server; our own is shown to the registry only. */
  private trustFor(url: URL): RegistryHost['trust'] {
    return url.host === this.host.host ? this.host.trust : { ...this.host.trust, client: [] };
  }
}

interface Token {
  readonly token: string;
  readonly lifetimeS: number;
}

/** The token in a token server's answer; `who` says who answered what. */
function parseToken(body: Buffer | undefined, who: string): Token {
  const bad = (cause?: unknown): Error => refused(`${who} and gave no token`, cause);
  if (!body) throw bad();
  let answer: JsonObject;
  try {
    answer = readAsGo(parseObject(body, 'the answer'), TOKEN_SHAPE);
  } catch (error) {
    throw bad(error); // it quotes nothing of the answer: that may be half a token
  }
  const token = answer.token || answer.access_token;
  if (typeof token !== 'string' || /[^\x21-\x7e]/.test(token)) throw bad();
  if (token.length > MAX_TOKEN) throw bad(new Error(`the token has more than ${MAX_TOKEN} characters`));
  const lifetime = answer.expires_in;
  return { token, lifetimeS: typeof lifetime === 'number' && lifetime > 0 ? lifetime : DEFAULT_LIFETIME_S };
}
