import { join, resolve } from 'node:path';
import { parse, TomlDate, TomlError } from 'smol-toml';
import { errorMessage } from '../../base/errors';
import { goMap, goStruct, readAsGo } from '../../base/json/go-fields';
import { refused } from '../errors';
import {
  ALL_CAPABILITIES,
  type Capability,
  DEFAULT_DIAL_TIMEOUT_MS,
  type RegistryHost,
  upstreamHost,
} from './registry-host';

/** Reads certificate and key files; throws an error that names the file. */
export type ReadCertificate = (path: string) => Promise<string>;

/** A `hosts.toml`: its directory, to which paths in it are relative, and its own name. */
export interface HostsFile {
  readonly dir: string;
  readonly name: string;
  readonly read: ReadCertificate;
}

/** One host as `hosts.toml` describes it, certificates still being file names. */
interface HostTable {
  readonly capabilities: ReadonlySet<Capability>;
  readonly ca: string[];
  readonly client: { cert: string; key: string }[];
  readonly skipVerify: boolean;
  readonly headers: Record<string, string[]>;
  readonly overridePath: boolean;
  readonly dialTimeoutMs: number;
}

/** Why a value in the file cannot be used; `path` is where it stands. */
class BadValue extends Error {
  constructor(path: string, problem: string) {
    super(`${path} ${problem}`);
  }
}

type Table = Readonly<Record<string, unknown>>;

const HOST_FIELDS = 'capabilities ca client skip_verify header override_path dial_timeout';
/** The file as containerd declares it: its TOML reader finds fields whatever the case of a key. */
const HOSTS_SHAPE = goStruct(`server ${HOST_FIELDS}`, { host: goMap(goStruct(HOST_FIELDS)) });

/**
 * The hosts that the `hosts.toml` in `dir` names for a registry, in the order to try them: the mirrors as they stand in
 * the file, then `server`, or the registry itself where that is not given. Throws a PullError naming file and key.
 */
export async function parseHostsToml(text: string, file: HostsFile, domain: string): Promise<RegistryHost[]> {
  try {
    const root: Table = readAsGo(parse(text), HOSTS_SHAPE);
    const hosts: RegistryHost[] = [];
    for (const [address, value] of Object.entries(tableAt(root.host, 'host'))) {
      const path = `host."${address}"`;
      hosts.push(await toHost(address, hostTable(tableAt(value, path), path), file));
    }
    hosts.push(await serverHost(root, file, domain));
    return hosts;
  } catch (error) {
    // TOML errors go on with the lines around the mistake, and headers can hold credentials.
    const [why] = errorMessage(error).split('\n');
    throw refused(`${file.name} cannot be used: ${error instanceof TomlError ? `line ${error.line}: ` : ''}${why}`);
  }
}

async function serverHost(root: Table, file: HostsFile, domain: string): Promise<RegistryHost> {
  const table = hostTable(root, 'the top level');
  if (root.server !== undefined && typeof root.server !== 'string') throw new BadValue('server', 'is not a string');
  if (root.server) return toHost(root.server, table, file);
  const trust = await readTrust(table, file);
  return upstreamHost(domain, {
    trust,
    capabilities: table.capabilities,
    headers: table.headers,
    source: file.name,
  });
}

async function toHost(address: string, table: HostTable, file: HostsFile): Promise<RegistryHost> {
  const text = address.includes('://') ? address : `https://${address}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.host === '') {
    throw new BadValue(`"${address}"`, 'is not the address of a registry');
  }
  if (url.username || url.password) throw new BadValue('an address', 'holds credentials, which do not belong there');
  return {
    scheme: url.protocol === 'https:' ? 'https' : 'http',
    host: url.host,
    path: pathOf(url, table.overridePath),
    capabilities: table.capabilities,
    headers: table.headers,
    trust: await readTrust(table, file),
    plainFallback: false,
    source: file.name,
  };
}

/** The API's path: `/v2` is appended unless it is there or the file says that the path is complete. */
function pathOf(url: URL, override: boolean): string {
  const path = url.pathname.replace(/\/{1,64}$/, '');
  return override || path.endsWith('/v2') ? path : `${path}/v2`;
}

async function readTrust(table: HostTable, { dir, read }: HostsFile): Promise<RegistryHost['trust']> {
  const at = (path: string): Promise<string> => read(resolve(dir, path));
  return {
    ca: await Promise.all(table.ca.map(at)),
    client: await Promise.all(
      table.client.map(async ({ cert, key }) => ({ cert: await at(cert), key: await at(key) })),
    ),
    skipVerify: table.skipVerify,
    dialTimeoutMs: table.dialTimeoutMs,
  };
}

function hostTable(table: Table, path: string): HostTable {
  return {
    capabilities: capabilities(table.capabilities, path),
    ca: strings(table.ca, `ca of ${path}`),
    client: clientPairs(table.client, `client of ${path}`),
    skipVerify: flag(table.skip_verify, `skip_verify of ${path}`),
    headers: headers(table.header, path),
    overridePath: flag(table.override_path, `override_path of ${path}`),
    dialTimeoutMs: duration(table.dial_timeout, `dial_timeout of ${path}`),
  };
}

function capabilities(value: unknown, path: string): ReadonlySet<Capability> {
  if (value === undefined) return ALL_CAPABILITIES;
  const names = strings(value, `capabilities of ${path}`);
  return new Set(
    names.map((name): Capability => {
      if (name === 'pull' || name === 'resolve' || name === 'push' || name === 'referrers') return name;
      throw new BadValue(`capabilities of ${path}`, `knows no "${name}"`);
    }),
  );
}

/** A file holding certificate and key, a list of such files, or a list of [certificate, key]. */
function clientPairs(value: unknown, path: string): { cert: string; key: string }[] {
  if (value === undefined) return [];
  const entries: unknown[] = Array.isArray(value) ? value : [value];
  return entries.map((entry) => {
    if (typeof entry === 'string') return { cert: entry, key: entry };
    const [cert, key = cert, ...more] = strings(entry, path);
    if (cert === undefined || key === undefined || more.length > 0) {
      throw new BadValue(path, 'is not a pair of certificate and key');
    }
    return { cert, key: key === '' ? cert : key };
  });
}

function headers(value: unknown, path: string): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(tableAt(value, `header of ${path}`)).map(([name, given]) => {
      if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name))
        throw new BadValue(`header of ${path}`, `"${name}" is not a name`);
      const values = strings(given, `header "${name}" of ${path}`);
      // The value is not shown: it may well be a credential.
      if (values.some((text) => /[^\t\x20-\x7e\x80-\xff]/.test(text))) {
        throw new BadValue(`header "${name}" of ${path}`, 'has a value that cannot be sent');
      }
      return [name, values];
    }),
  );
}

function tableAt(value: unknown, path: string): Table {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof TomlDate) {
    throw new BadValue(path, 'is not a table');
  }
  return value as Table;
}

function strings(value: unknown, path: string): string[] {
  if (value === undefined) return [];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item) => {
    if (typeof item === 'string') return item;
    throw new BadValue(path, 'is not a string or a list of strings');
  });
}

function flag(value: unknown, path: string): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw new BadValue(path, 'is not true or false');
}

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

function duration(value: unknown, path: string): number {
  if (value === undefined || value === '') return DEFAULT_DIAL_TIMEOUT_MS;
  const parts = typeof value === 'string' && value.length < 64 ? [...value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)] : [];
  const ms = parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNIT_MS.get(unit ?? '') ?? 0), 0);
  if (ms <= 0 || parts.map(([part]) => part).join('') !== value)
    throw new BadValue(path, 'is not a duration such as "10s"');
  return ms;
}

/** The file's name in a directory of a registry. */
export function hostsTomlIn(dir: string): string {
  return join(dir, 'hosts.toml');
}
