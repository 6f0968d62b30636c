import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../base/errors';
import { refused } from './errors';
import { hostsTomlIn, parseHostsToml } from './hosts-toml';
import { portOf, type RegistryHost, SYSTEM_TRUST, upstreamHost } from './registry-host';

/** Bigger files are refused: nobody writes them by hand. */
const MAX_FILE_BYTES = 4 << 20;

/**
 * The hosts to ask for a repository of `domain`, in order. `configPath` is a list of directories, separated by colons,
 * each with one directory per registry; they are read on every call, so that an edit counts from the next pull on. The
 * first directory that exists decides: its `hosts.toml`, or else the certificates in it, as Docker has them.
 */
export async function registryHosts(configPath: string, domain: string): Promise<RegistryHost[]> {
  for (const root of configPath.split(':').filter((path) => path !== '')) {
    for (const name of directoryNames(domain)) {
      const dir = join(root, name);
      if (await isDirectory(dir)) return hostsFrom(dir, domain);
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

async function hostsFrom(dir: string, domain: string): Promise<RegistryHost[]> {
  const name = hostsTomlIn(dir);
  const text = await readIfThere(name);
  if (text !== undefined) return parseHostsToml(text, { dir, name, read: readSmallFile }, domain);
  return [await hostWithCertificates(dir, domain)];
}

/** Docker's way: every `*.crt` is believed, every `*.cert` with its `*.key` is ours. */
async function hostWithCertificates(dir: string, domain: string): Promise<RegistryHost> {
  const names = (await readdir(dir)).sort();
  const ca = names.filter((name) => name.endsWith('.crt'));
  const certs = names.filter((name) => name.endsWith('.cert'));
  if (ca.length === 0 && certs.length === 0) return upstreamHost(domain);
  const client = certs.map(async (name) => {
    const key = `${name.slice(0, -'.cert'.length)}.key`;
    if (!names.includes(key)) throw refused(`${join(dir, name)} has no key: there is no ${key} beside it`);
    return { cert: await readSmallFile(join(dir, name)), key: await readSmallFile(join(dir, key)) };
  });
  const trust = {
    ...SYSTEM_TRUST,
    client: await Promise.all(client),
    ca: await Promise.all(ca.map((name) => readSmallFile(join(dir, name)))),
  };
  return upstreamHost(domain, { trust, source: dir });
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return false;
    throw refused(`the registry configuration in ${path} cannot be read`, error);
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readSmallFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function readSmallFile(path: string): Promise<string> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new Error('it is not a regular file');
    if (found.size > MAX_FILE_BYTES) throw new Error(`it is bigger than ${MAX_FILE_BYTES} bytes`);
    return await readFile(path, 'utf8');
  } catch (error) {
    throw refused(`${path} cannot be read`, error);
  }
}
