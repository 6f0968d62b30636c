import { BlockList, isIP } from 'node:net';
import { refused } from '../errors';
import { hostname, isLoopback, portOf } from './registry-host';

/** The variables that say through whom to go, as Go programs read them. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for a request to `target`, or undefined to go there directly: HTTPS_PROXY or HTTP_PROXY by the target's
 * scheme, unless NO_PROXY names it. This machine is never asked for through a proxy. Throws a PullError on a proxy that
 * cannot be used.
 */
export function proxyFor(target: URL, env: ProxyEnvironment): URL | undefined {
  const name = target.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const value = (env[name] || env[name.toLowerCase()] || '').trim();
  if (value === '' || isLoopback(target.host) || isExcluded(target, env.NO_PROXY || env.no_proxy || ''))
    return undefined;
  const text = value.includes('://') ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (!proxy) throw refused(`${name} is not the address of a proxy`);
  if (proxy.protocol !== 'http:' && proxy.protocol !== 'https:') {
    throw refused(`${name}: a proxy of the kind "${proxy.protocol.slice(0, -1)}" is not supported`);
  }
  return proxy;
}

/** The header that a proxy with user info wants, or none. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '' && proxy.password === '') return {};
  const plain = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { 'Proxy-Authorization': `Basic ${Buffer.from(plain).toString('base64')}` };
}

function isExcluded(target: URL, list: string): boolean {
  const host = hostname(target.host).toLowerCase();
  const port = target.port || (target.protocol === 'https:' ? '443' : '80');
  return list
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== '' && excludes(entry, host, port));
}

/** An entry is `*`, an address, a network, a domain (with its subdomains), or a `.domain` (only those); a port narrows it. */
function excludes(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return inNetwork(entry, host);
  if (isIP(entry)) return entry === host;
  const entryPort = portOf(entry);
  if (entryPort !== undefined && entryPort !== port) return false;
  const name = hostname(entry).replace(/^\*\./, '.');
  if (name.startsWith('.')) return host.endsWith(name);
  return host === name || (isIP(host) === 0 && host.endsWith(`.${name}`));
}

function inNetwork(entry: string, host: string): boolean {
  const slash = entry.indexOf('/');
  const network = entry.slice(0, slash);
  const prefix = Number(entry.slice(slash + 1));
  const kind = isIP(network);
  if (
    kind === 0 ||
    isIP(host) !== kind ||
    !Number.isInteger(prefix) ||
    prefix < 0 ||
    prefix > (kind === 4 ? 32 : 128)
  ) {
    return false;
  }
  const list = new BlockList();
  list.addSubnet(network, prefix, kind === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, kind === 4 ? 'ipv4' : 'ipv6');
}
