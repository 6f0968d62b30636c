import { createHash } from 'node:crypto';

/** Algorithms that a reference may name, with the length of their value in hexadecimal digits. */
const HEX_LENGTH: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
]);

const LONGEST = 'sha512:'.length + 128;

/** True for `sha256:` and 64 lower-case hexadecimal digits, and its longer relatives. */
export function isDigest(text: string): boolean {
  const colon = text.indexOf(':');
  const length = HEX_LENGTH.get(text.slice(0, Math.max(colon, 0)));
  return length !== undefined && text.length === colon + 1 + length && isLowerHex(text, colon + 1);
}

/** True for the only digests that containerd's content store can hold. */
export function isSha256(text: string): boolean {
  return text.startsWith('sha256:') && isDigest(text);
}

/** A text that should have been a digest, as an error may quote it. */
export function shown(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** True if `text` from `start` on is lower-case hexadecimal digits only, or empty. */
export function isLowerHex(text: string, start = 0): boolean {
  for (let i = start; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (!((c >= 48 && c <= 57) || (c >= 97 && c <= 102))) return false;
  }
  return true;
}

/** The sha256 digest of some bytes, as `sha256:…`. */
export function digestOf(data: Buffer | string): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** The digest of `data` by the algorithm that `like` uses, to be compared with it. */
export function digestLike(like: string, data: Buffer): string {
  const algorithm = like.slice(0, like.indexOf(':'));
  return `${algorithm}:${createHash(algorithm).update(data).digest('hex')}`;
}

/** The chain id of each layer, lowest first (OCI image-spec): the names of the snapshots that stand for them. */
export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(parent === undefined ? diffId : digestOf(`${parent} ${diffId}`));
  }
  return chain;
}
