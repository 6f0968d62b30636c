import { refused } from '../errors';

/** What a caller gives for one pull; each part may be empty. */
export interface PullAuth {
  readonly username?: string;
  readonly password?: string;
  /** base64 of `username:password`. */
  readonly auth?: string;
  /** The registry that all this is for; empty: the one that the image's reference names. */
  readonly serverAddress?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

/** What a registry can be shown. */
export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  | { readonly kind: 'identity'; readonly token: string }
  | { readonly kind: 'bearer'; readonly token: string };

const DOCKER_HUB: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/**
 * The credentials for the host that is really contacted: none where they are for another one. Those that name no server
 * are for `domain`, the registry of the reference (kubelet found them under its name), and no mirror is shown them. User
 * name and password lead, then the identity token, then `auth`, then the registry token. Throws a PullError when `auth`
 * cannot be read.
 */
export function credentialsFor(
  auth: PullAuth | undefined,
  { host, domain }: { host: string; domain: string },
): Credentials | undefined {
  if (!auth || !isSameRegistry(auth.serverAddress || domain, host)) return undefined;
  if (auth.username) return { kind: 'password', username: auth.username, password: auth.password ?? '' };
  if (auth.identityToken) return { kind: 'identity', token: auth.identityToken };
  if (auth.auth) return fromBase64(auth.auth);
  if (auth.registryToken) return { kind: 'bearer', token: auth.registryToken };
  return undefined;
}

/** The header value for user name and password. */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function fromBase64(text: string): Credentials {
  const plain = withoutTrailingNuls(Buffer.from(text, 'base64')).toString('utf8');
  const colon = plain.indexOf(':');
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text.trim()) || colon < 1) {
    throw refused('the credentials cannot be used: "auth" is not the base64 of "username:password"');
  }
  return { kind: 'password', username: plain.slice(0, colon), password: plain.slice(colon + 1) };
}

/** Some tools pad with them. By hand: a pattern would try each run of them in the text again and again. */
function withoutTrailingNuls(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return bytes.subarray(0, end);
}

/** A server address is a host or a URL; that of Docker Hub is still written as of old, `https://index.docker.io/v1/`. */
function isSameRegistry(address: string, host: string): boolean {
  const wanted = hostOf(address);
  const actual = hostOf(host);
  if (wanted === undefined || actual === undefined) return false;
  return wanted === actual || (DOCKER_HUB.has(wanted) && DOCKER_HUB.has(actual));
}

/** Host and port; a URL's default port is dropped, and http's 80 is kept apart from https's 443. */
function hostOf(address: string): string | undefined {
  const text = address.includes('://') ? address : `https://${address}`;
  return URL.canParse(text) ? new URL(text).host : undefined;
}
