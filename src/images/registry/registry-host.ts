/** What a host may be asked for. */
export type Capability = 'pull' | 'resolve' | 'push' | 'referrers';

/** Whom to trust, and who we are, in a connection to a registry. */
export interface Trust {
  /** Certificates in PEM that are believed in addition to the system's. */
  readonly ca: readonly string[];
  /** Certificate and key in PEM, offered when the registry asks for one. */
  readonly client: readonly { readonly cert: string; readonly key: string }[];
  readonly skipVerify: boolean;
  readonly dialTimeoutMs: number;
}

/** One place where a repository can be fetched from: a registry or a mirror of it. */
export interface RegistryHost {
  readonly scheme: 'https' | 'http';
  /** Name or address, with its port if it has one. */
  readonly host: string;
  /** What stands before `/<repository>/manifests/…`: `/v2`, unless a `hosts.toml` says otherwise. */
  readonly path: string;
  readonly capabilities: ReadonlySet<Capability>;
  /** Sent with every request to this host, never to where it redirects. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly trust: Trust;
  /** https that does not answer may be spoken to in plain http: registries on this machine. */
  readonly plainFallback: boolean;
  /** Where this entry comes from, for whoever asks why. */
  readonly source: string;
}

export const ALL_CAPABILITIES: ReadonlySet<Capability> = new Set(['pull', 'resolve', 'push', 'referrers']);
export const DEFAULT_DIAL_TIMEOUT_MS = 30_000;
export const SYSTEM_TRUST: Trust = { ca: [], client: [], skipVerify: false, dialTimeoutMs: DEFAULT_DIAL_TIMEOUT_MS };

/** True for the names and addresses of this machine; `host` may carry a port. */
export function isLoopback(host: string): boolean {
  const name = hostname(host).toLowerCase();
  return name === 'localhost' || name === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}

/** The host without its port and without the brackets of an IPv6 address. */
export function hostname(host: string): string {
  if (host.startsWith('[')) return host.slice(1, host.indexOf(']'));
  const colon = host.indexOf(':');
  return colon < 0 ? host : host.slice(0, colon);
}

/** The port of `host`, or undefined if it names none. */
export function portOf(host: string): string | undefined {
  const rest = host.startsWith('[') ? host.slice(host.indexOf(']') + 1) : host;
  const colon = rest.indexOf(':');
  return colon < 0 ? undefined : rest.slice(colon + 1);
}

/**
 * Where a registry is when nothing is configured: https, at Docker Hub's real address for docker.io. A registry on this
 * machine is believed unseen, and may answer in plain http unless its port says https.
 */
export function upstreamHost(domain: string, overrides: Partial<RegistryHost> = {}): RegistryHost {
  const port = portOf(domain);
  const local = isLoopback(domain);
  const trust = overrides.trust ?? SYSTEM_TRUST;
  return {
    path: '/v2',
    capabilities: ALL_CAPABILITIES,
    headers: {},
    source: 'default',
    ...overrides,
    scheme: local && port === '80' ? 'http' : 'https',
    host: domain === 'docker.io' ? 'registry-1.docker.io' : domain,
    trust: local ? { ...trust, skipVerify: true } : trust,
    plainFallback: local && port !== undefined && port !== '443' && port !== '80',
  };
}

/** True if `host` serves `domain` for someone else: it must then be told whose content is meant. */
export function isMirrorOf(host: RegistryHost, domain: string): boolean {
  return host.host !== domain && !(domain === 'docker.io' && host.host === 'registry-1.docker.io');
}
