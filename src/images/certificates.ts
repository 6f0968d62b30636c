import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';

const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
];
const BEGIN = '-----BEGIN CERTIFICATE-----';

/**
 * The certificates this machine believes: those of Node, and the system's, where an administrator adds a company's own.
 * SSL_CERT_FILE and SSL_CERT_DIR name other places for the latter. What cannot be read is passed over.
 */
export async function systemCertificates(env: Readonly<Record<string, string | undefined>>): Promise<string[]> {
  const files = env.SSL_CERT_FILE ? [env.SSL_CERT_FILE] : SYSTEM_BUNDLES;
  const bundle = await firstReadable(files);
  const dirs = (env.SSL_CERT_DIR ?? '').split(':').filter((dir) => dir !== '');
  const more = await Promise.all(dirs.map(certificatesIn));
  return [...rootCertificates, ...[bundle ?? '', ...more.flat()].filter((pem) => pem.includes(BEGIN))];
}

async function firstReadable(files: readonly string[]): Promise<string | undefined> {
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
  }
  return undefined;
}

async function certificatesIn(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch((): string[] => []);
  const wanted = names.filter((name) => /\.(pem|crt|cer)$/.test(name)).sort();
  return Promise.all(wanted.map((name) => readFile(join(dir, name), 'utf8').catch(() => '')));
}
