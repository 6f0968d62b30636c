import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { readRegularFile } from '../../base/regular-file';
import { askOutside } from '../../base/wait/outside';
import { refused } from '../errors';
import type { ProxyEnvironment } from './proxy';
import type { Trust } from './registry-host';

const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
];
/** They may lie on a filesystem that does not answer. */
const READ_TIMEOUT_MS = 30_000;
const BEGIN = '-----BEGIN CERTIFICATE-----';
/** More different configurations than this are not in use at once on one machine. */
const MAX_CONTEXTS = 32;

/** The certificates this machine believes, and a mark that changes when they may have. */
interface Roots {
  readonly mark: string;
  readonly pem: readonly string[];
}

/**
 * TLS contexts for registries: the system's root certificates, to which an administrator adds a company's own and from which
 * he takes what he does not trust (Node's where the system has none), and what is configured for a host. Reading some
 * hundred certificates takes a tenth of a second, so contexts are kept until the files change.
 */
export class TrustStore {
  private readonly contexts = new Map<string, SecureContext>();
  private roots: Roots = { mark: '', pem: [] };

  /** SSL_CERT_FILE and SSL_CERT_DIR in `env` name other places for the system's certificates. */
  constructor(private readonly env: ProxyEnvironment = process.env) {}

  /** The context for connections with this trust. Throws a PullError when a configured certificate or key is none. */
  async contextFor({ ca, client, skipVerify }: Trust, signal?: AbortSignal): Promise<SecureContext> {
    const wait = { what: 'reading the certificates of this machine', limitMs: READ_TIMEOUT_MS, signal };
    const roots = skipVerify ? undefined : await askOutside(wait, () => this.currentRoots());
    const key = JSON.stringify([roots?.mark ?? 'unverified', ca, client]);
    const known = this.contexts.get(key);
    if (known) return known;
    if (this.contexts.size >= MAX_CONTEXTS) this.contexts.clear();
    const made = makeContext(roots ? [...roots.pem, ...ca] : undefined, client);
    this.contexts.set(key, made);
    return made;
  }

  private async currentRoots(): Promise<Roots> {
    const files = await this.files();
    const stats = await Promise.all(files.map((file) => stat(file).catch(() => undefined)));
    const mark = files.map((file, at) => `${file} ${stats[at]?.mtimeMs} ${stats[at]?.size}`).join('\n');
    if (mark !== this.roots.mark || this.roots.pem.length === 0) {
      const texts = await Promise.all(files.map((file) => readRegularFile(file).then(String, () => '')));
      const pem = texts.filter((text) => text.includes(BEGIN));
      this.roots = { mark, pem: pem.length > 0 ? pem : rootCertificates };
    }
    return this.roots;
  }

  /** The first bundle that is there, and all certificates of the directories. What cannot be read is passed over. */
  private async files(): Promise<string[]> {
    const bundles = this.env.SSL_CERT_FILE ? [this.env.SSL_CERT_FILE] : SYSTEM_BUNDLES;
    const present = await Promise.all(
      bundles.map((file) =>
        stat(file)
          .then(() => true)
          .catch(() => false),
      ),
    );
    const bundle = bundles.filter((_, at) => present[at]).slice(0, 1);
    const dirs = (this.env.SSL_CERT_DIR ?? '').split(':').filter((dir) => dir !== '');
    return [...bundle, ...(await Promise.all(dirs.map(certificatesIn))).flat()];
  }
}

function makeContext(ca: string[] | undefined, client: Trust['client']): SecureContext {
  try {
    return createSecureContext({
      ca,
      cert: client.length > 0 ? client.map(({ cert }) => cert) : undefined,
      key: client.length > 0 ? client.map(({ key }) => key) : undefined,
    });
  } catch (error) {
    throw refused('a configured certificate or key cannot be used', error);
  }
}

async function certificatesIn(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch((): string[] => []);
  return names
    .filter((name) => /\.(pem|crt|cer)$/.test(name))
    .sort()
    .map((name) => join(dir, name));
}
