import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file';
import { errnoOf } from '../../base/errors';
import { BadInputError } from '../bad-input';

export interface SandboxFilesInput {
  readonly hostname: string;
  /** Left out, or with nothing in it: the host's resolv.conf is copied. */
  readonly dns?: {
    readonly servers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
  /** Where hosts and resolv.conf are copied from; default /etc. */
  readonly etc?: string;
}

/** Containers read these under any user. */
const FILE_MODE = 0o644;
const HOSTS_WITHOUT_A_FILE = '127.0.0.1\tlocalhost\n::1\tlocalhost\n';

/**
 * Writes `hostname`, `hosts` and `resolv.conf` into `dir` (made 0700), for the pod's containers to see in /etc. Rejects,
 * before anything is written, when a value would break out of its line.
 */
export async function writeSandboxFiles(dir: string, input: SandboxFilesInput): Promise<void> {
  const etc = input.etc ?? '/etc';
  const resolvConf = resolvConfText(input.dns) || (await readOr(join(etc, 'resolv.conf'), ''));
  const hostname = `${oneWord(input.hostname, 'hostname')}\n`;
  const hosts = await readOr(join(etc, 'hosts'), HOSTS_WITHOUT_A_FILE);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const files = Object.entries({ hostname, hosts, 'resolv.conf': resolvConf });
  await Promise.all(files.map(([name, content]) => writeFileAtomic(join(dir, name), content, { mode: FILE_MODE })));
}

/** The text of a resolv.conf: search, nameservers, options, in the order that containerd's plugin writes them. */
export function resolvConfText(dns: SandboxFilesInput['dns']): string {
  if (dns === undefined) return '';
  const searches = dns.searches.map((name) => oneWord(name, 'DNS search domain'));
  const servers = dns.servers.map((address) => `nameserver ${oneWord(address, 'DNS server')}\n`);
  const options = dns.options.map((option) => oneWord(option, 'DNS option'));
  const search = searches.length > 0 ? `search ${searches.join(' ')}\n` : '';
  return search + servers.join('') + (options.length > 0 ? `options ${options.join(' ')}\n` : '');
}

/** A value with white space or control characters would add words or lines of its own. */
function oneWord(value: string, what: string): string {
  if (/[\s\p{Cc}]/u.test(value)) throw new BadInputError(`${what} ${JSON.stringify(value)} is not one word`);
  return value;
}

async function readOr(path: string, fallback: string): Promise<string | Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return fallback;
    throw error;
  }
}
