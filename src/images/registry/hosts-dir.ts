import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { errnoOf, errorMessage } from '../../base/errors';
import { isOddEntry, NotRegularFile, readRegularFile } from '../../base/regular-file';
import { askOutside } from '../../base/wait/outside';
import { refused } from '../errors';
import { hostsTomlIn, parseHostsToml } from './hosts-toml';
import { portOf, type RegistryHost, SYSTEM_TRUST, upstreamHost } from './registry-host';

/** Bigger files are refused: nobody writes them by hand. */
const MAX_FILE_BYTES = 4 << 20;

/** The directories may lie on a filesystem that does not answer. */
const READ_TIMEOUT_MS = 30_000;

/** Hears of a file that is passed over, and why. */
export type PassOver = (file: string, problem: string) => void;

/**
 * The hosts to ask for a repository of `domain`, in order. `configPath` is a list of directories, separated by colons,
 * each with one directory per registry; they are read on every call, so that an edit counts from the next pull on. The
 * first directory that exists decides: its `hosts.toml`, or else the certificates in it, as Docker has them. Links that lead
 * nowhere, and what is no file, are passed over there.
 */
export function registryHosts(
  configPath: string,
  domain: string,
  passOver: PassOver = () => undefined,
  signal?: AbortSignal,
): Promise<RegistryHost[]> {
  const wait = { what: `reading the registry configuration of ${domain}`, limitMs: READ_TIMEOUT_MS, signal };
  return askOutside(wait, () => findHosts(configPath, domain, passOver));
}

async function findHosts(configPath: string, domain: string, passOver: PassOver): Promise<RegistryHost[]> {
  for (const root of configPath.split(':').filter((path) => path !== '')) {
    for (const name of directoryNames(domain)) {
      const dir = join(root, name);
      if (await isDirectory(dir)) return hostsFrom(dir, domain, passOver);
    }
  }
  return [upstreamHost(domain)];
}

/** A colon is not welcome in every file name, hence the form with underscores. */
function directoryNames(domain: string): string[] {
  const port = portOf(domain);
  const escaped = port === undefined ? [] : [`${domain.slice(0, -port.length - 1).replaceAll(':', '')}_${port}_`];
  return [...escaped, domain, '_default'];
}

async function hostsFrom(dir: string, domain: string, passOver: PassOver): Promise<RegistryHost[]> {
  const names = (await readdir(dir)).sort();
  const name = hostsTomlIn(dir);
  const text = names.includes(basename(name)) ? await hostsToml(name, passOver) : undefined;
  if (text !== undefined) return parseHostsToml(text, { dir, name, read: readSmallFile }, domain);
  return [await hostWithCertificates(dir, names, { domain, passOver })];
}

/** One that may not be read is no odd entry: without what it says, pulls would go where they are not to go. */
async function hostsToml(name: string, passOver: PassOver): Promise<string | undefined> {
  try {
    return await readFileHere(name);
  } catch (error) {
    const odd = error instanceof NotRegularFile || ['ENOENT', 'ELOOP'].includes(errnoOf(error) ?? '');
    if (!odd) throw cannotBeRead(name, error);
    passOver(name, errorMessage(error));
    return undefined;
  }
}

/** Docker's way: every `*.crt` is believed, every `*.cert` with its `*.key` is ours. */
async function hostWithCertificates(
  dir: string,
  names: readonly string[],
  { domain, passOver }: { domain: string; passOver: PassOver },
): Promise<RegistryHost> {
  const read = (name: string): Promise<string | undefined> => readOrPassOver(join(dir, name), passOver);
  const pairs = names.filter((name) => name.endsWith('.cert')).map((name) => [name, keyOf(name)] as const);
  const alone = pairs.find(([, key]) => !names.includes(key));
  if (alone) throw refused(`${join(dir, alone[0])} has no key: there is no ${alone[1]} beside it`);
  const client = await Promise.all(
    pairs.map(async ([name, key]) => ({ cert: (await read(name)) ?? '', key: (await read(key)) ?? '' })),
  );
  const ca = await Promise.all(names.filter((name) => name.endsWith('.crt')).map(read));
  const trust = {
    ...SYSTEM_TRUST,
    client: client.filter(({ cert, key }) => cert !== '' && key !== ''),
    ca: ca.filter((text) => text !== undefined),
  };
  if (trust.ca.length === 0 && trust.client.length === 0) return upstreamHost(domain);
  return upstreamHost(domain, { trust, source: dir });
}

function keyOf(certificate: string): string {
  return `${certificate.slice(0, -'.cert'.length)}.key`;
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) return false;
    throw refused(`the registry configuration in ${path} cannot be read`, error);
  }
}

async function readOrPassOver(path: string, passOver: PassOver): Promise<string | undefined> {
  try {
    return await readFileHere(path);
  } catch (error) {
    if (!isOddEntry(error)) throw cannotBeRead(path, error);
    passOver(path, errorMessage(error));
    return undefined;
  }
}

async function readSmallFile(path: string): Promise<string> {
  return readFileHere(path).catch((error: unknown) => {
    throw cannotBeRead(path, error);
  });
}

async function readFileHere(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > MAX_FILE_BYTES) throw new Error(`it is bigger than ${MAX_FILE_BYTES} bytes`);
  return (await readRegularFile(path)).toString();
}

function cannotBeRead(path: string, error: unknown): Error {
  return refused(`${path} cannot be read`, error);
}
