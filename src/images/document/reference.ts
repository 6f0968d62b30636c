import { refused } from '../errors';
import { isDigest, isLowerHex } from './digest';

const DEFAULT_DOMAIN = 'docker.io';
const OLD_DEFAULT_DOMAIN = 'index.docker.io';
const MAX_PATH = 255;
const MAX_TAG = 128;
/** Domain, path, tag and digest at their longest fit; a longer text is refused unread. */
const MAX_TEXT = 1024;

/** A Docker image reference in its full form: never without a tag or a digest, and never with both. */
export interface Reference {
  /** Registry as named, with its port if one was given: `docker.io`, `localhost:5000`. */
  readonly domain: string;
  /** Repository in the registry: `library/busybox`. */
  readonly path: string;
  readonly tag?: string;
  /** Decides what is fetched; a tag given beside it is dropped, as it would say nothing. */
  readonly digest?: string;
  /** `domain/path`. */
  readonly name: string;
  toString(): string;
}

/** True for 64 lower-case hexadecimal digits, or a `sha256:` digest: the id of an image, never a name. */
export function isImageId(text: string): boolean {
  const hex = text.startsWith('sha256:') ? text.slice(7) : text;
  return hex.length === 64 && isLowerHex(hex);
}

/**
 * Reads a reference by the grammar of the distribution project and fills in what Docker lets one leave out: the domain
 * (docker.io), `library/` below it, and the tag `latest`. Time is linear in the text. Throws a PullError that says what
 * is wrong.
 */
export function parseReference(text: string): Reference {
  const bad = (why: string): Error => refused(`the image reference "${shown(text)}" is not valid: ${why}`);
  if (text === '') throw bad('it is empty');
  if (text.length > MAX_TEXT) throw bad(`it is longer than ${MAX_TEXT} characters`);
  if (isImageId(text)) throw bad('it is the id of an image, not a name');
  const at = text.indexOf('@');
  const named = at < 0 ? text : text.slice(0, at);
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const { domain, rest } = splitDomain(named);
  const colon = rest.indexOf(':');
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  const bare = colon < 0 ? rest : rest.slice(0, colon);
  const path = domain === DEFAULT_DOMAIN && !bare.includes('/') ? `library/${bare}` : bare;

  if (!isDomain(domain)) throw bad(`"${shown(domain)}" is not a registry`);
  if (bare !== bare.toLowerCase()) throw bad('the repository must be lower case');
  if (!isPath(path)) throw bad(`"${shown(bare)}" is not a repository`);
  if (path.length > MAX_PATH) throw bad(`the repository is longer than ${MAX_PATH} characters`);
  if (tag !== undefined && !isTag(tag)) throw bad(`"${shown(tag)}" is not a tag`);
  if (digest !== undefined && !isDigest(digest)) throw bad(`"${shown(digest)}" is not a digest`);
  return makeReference(domain, path, digest === undefined ? { tag: tag ?? 'latest' } : { digest });
}

/** As parseReference, but `undefined` for what is not a reference. */
export function tryParseReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

/** The reference of the same repository by digest. */
export function withDigest(reference: Reference, digest: string): Reference {
  return makeReference(reference.domain, reference.path, { digest });
}

function makeReference(domain: string, path: string, what: { tag?: string; digest?: string }): Reference {
  const name = `${domain}/${path}`;
  const full = what.digest === undefined ? `${name}:${what.tag}` : `${name}@${what.digest}`;
  return { domain, path, ...what, name, toString: () => full };
}

/** The first part is a registry if it could not be a part of a repository: it has a dot, a port or capitals, or is localhost. */
function splitDomain(named: string): { domain: string; rest: string } {
  const slash = named.indexOf('/');
  const first = named.slice(0, Math.max(slash, 0));
  const isRegistry =
    slash >= 0 &&
    (first.includes('.') || first.includes(':') || first === 'localhost' || first !== first.toLowerCase());
  if (!isRegistry) return { domain: DEFAULT_DOMAIN, rest: named };
  const domain = first === OLD_DEFAULT_DOMAIN ? DEFAULT_DOMAIN : first;
  return { domain, rest: named.slice(slash + 1) };
}

function isDomain(text: string): boolean {
  const bracket = text.startsWith('[') ? text.indexOf(']') : -1;
  const hostEnd = bracket >= 0 ? bracket + 1 : text.indexOf(':');
  const host = hostEnd < 0 ? text : text.slice(0, hostEnd);
  const port = hostEnd < 0 || hostEnd === text.length ? undefined : text.slice(hostEnd);
  if (port !== undefined && !isPort(port)) return false;
  if (bracket >= 0) return every(host.slice(1, -1), (c) => isHexDigit(c) || c === COLON) && host.length > 2;
  return host.split('.').every(isDomainComponent);
}

function isPort(text: string): boolean {
  return text.length > 1 && text.startsWith(':') && every(text.slice(1), isDecimal) && Number(text.slice(1)) <= 65_535;
}

function isDomainComponent(text: string): boolean {
  return (
    text !== '' && !text.startsWith('-') && !text.endsWith('-') && every(text, (c) => isAlphanumeric(c) || c === DASH)
  );
}

function isPath(text: string): boolean {
  return text.split('/').every(isPathComponent);
}

/** Lower-case letters and digits, joined by a dot, one or two underscores, or any number of dashes. */
function isPathComponent(text: string): boolean {
  let separator = '';
  for (const c of text) {
    if (isLowerOrDigit(c.charCodeAt(0))) {
      if (!isSeparator(separator)) return false;
      separator = '';
    } else {
      separator += c;
      if (separator.length > 2 && c !== '-') return false;
    }
  }
  return text !== '' && separator === '' && isLowerOrDigit(text.charCodeAt(0));
}

function isSeparator(text: string): boolean {
  return text === '' || text === '.' || text === '_' || text === '__' || every(text, (c) => c === DASH);
}

function isTag(text: string): boolean {
  const isWord = (c: number): boolean => isAlphanumeric(c) || c === UNDERSCORE;
  return (
    text !== '' &&
    text.length <= MAX_TAG &&
    isWord(text.charCodeAt(0)) &&
    every(text, (c) => isWord(c) || c === DOT || c === DASH)
  );
}

const DASH = 45;
const DOT = 46;
const COLON = 58;
const UNDERSCORE = 95;

function every(text: string, test: (code: number) => boolean): boolean {
  for (let i = 0; i < text.length; i++) if (!test(text.charCodeAt(i))) return false;
  return true;
}
const isDecimal = (c: number): boolean => c >= 48 && c <= 57;
const isLowerOrDigit = (c: number): boolean => isDecimal(c) || (c >= 97 && c <= 122);
const isAlphanumeric = (c: number): boolean => isLowerOrDigit(c) || (c >= 65 && c <= 90);
const isHexDigit = (c: number): boolean => isDecimal(c) || (c >= 97 && c <= 102) || (c >= 65 && c <= 70);

function shown(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
