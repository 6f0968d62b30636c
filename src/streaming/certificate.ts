import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { bitString, explicit, identifier, implicit, integer, octets, sequence, setOf, time, utf8 } from './der';

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';
const SUBJECT_ALT_NAME = '2.5.29.17';
const DAY_MS = 86_400_000;
const LIFE_DAYS = 3650;
const ALT_DNS = 2;
const ALT_IP = 7;

/** A certificate and its key, in PEM. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

/**
 * A certificate for this address (an IP address) and `localhost`, signed by itself, good for ten years. kubelet does not
 * ask who signed the certificate of a streaming server; what it gets is that nobody else on the wire can read along.
 */
export function selfSignedCertificate(address: string, now = new Date()): CertificatePair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(identifier(ECDSA_WITH_SHA256));
  const name = sequence(setOf(sequence(identifier(COMMON_NAME), utf8('crisp streaming'))));
  const validity = sequence(time(new Date(now.getTime() - DAY_MS)), time(new Date(now.getTime() + LIFE_DAYS * DAY_MS)));
  const altNames = sequence(
    implicit(ALT_DNS, Buffer.from('localhost', 'latin1')),
    ...(isIP(address) ? [implicit(ALT_IP, addressBytes(address))] : []),
  );
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))), // X.509 version 3
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(sequence(identifier(SUBJECT_ALT_NAME), octets(altNames)))),
  );
  const certificate = sequence(body, algorithm, bitString(sign('sha256', body, privateKey)));
  return {
    cert: pem('CERTIFICATE', certificate),
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  };
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::');
  const groups = (text = ''): number[] => text.split(':').flatMap((part) => (part ? [Number.parseInt(part, 16)] : []));
  const left = groups(head);
  const right = groups(tail);
  const all = [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
