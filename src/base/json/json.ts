import { randomBytes, randomUUID } from 'node:crypto';

/**
 * JSON with 64-bit integers. Go writes int64 as plain JSON numbers; JavaScript's own reader rounds those beyond 2^53.
 * Here an integer that a double cannot hold exactly is read as a bigint, and a bigint is written as a plain number. On
 * its way such an integer is a string that begins with a mark of this call's own, which no text from outside can have.
 *
 * A text may be a guest's, up to some megabytes: all that is done with one takes time in proportion to its length.
 */

/**
 * How many arrays and objects may be inside of each other. What walks a document afterwards needs as much of the stack. Go's
 * reader takes 10,000; nothing that crisp reads has more than twenty.
 */
export const MAX_JSON_DEPTH = 1000;

/** What is read is no JSON that can be used. The message never has a part of the text: that may be any file of the host. */
export class NotJson extends SyntaxError {
  override readonly name = 'NotJson';
}

/** Of 16 to 20 digits, as 2^64 has: one of more is no integer of Go's. None has leading zeros, which is no JSON either. */
const LONG_INTEGER = /^-?[1-9]\d{15,19}$/;
const LONG_DIGITS = 16;
/** A sign and the digits of 2^53: what is longer is no double. */
const DOUBLE_CHARACTERS = 17;
const BEFORE_COLON = /\s*:/y;

const [QUOTE, BACKSLASH, MINUS] = [0x22, 0x5c, 0x2d];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
/** The characters of a number besides digits. */
const IN_NUMBER: ReadonlySet<number> = new Set([...'+-.eE'].map((character) => character.charCodeAt(0)));

/**
 * Parses JSON text. Integers of up to 20 digits that do not fit a double exactly come back as bigint. Throws NotJson, which is
 * a SyntaxError, on bad text.
 */
export function parseJson(text: string): unknown {
  if (isDeeperThan(text, MAX_JSON_DEPTH)) throw new NotJson(`it nests deeper than ${MAX_JSON_DEPTH} levels`);
  if (!hasLongDigits(text)) return parsed(text);
  const mark = randomBytes(9).toString('base64');
  return unmarked(parsed(markLongIntegers(text, mark)), mark);
}

/** Writes JSON; a bigint becomes a plain number, `undefined` members are left out. `space` indents as in JSON.stringify. */
export function stringifyJson(value: unknown, space?: number): string {
  const mark = randomUUID();
  let found = false;
  // Not by JSON.stringify's own replacer: that is called for each member, and takes twice the time.
  const written = replaced(value, (integer) => {
    const number = Number(integer);
    if (Number.isSafeInteger(number)) return number;
    found = true;
    return `${mark}${integer}`;
  });
  const text = JSON.stringify(written, undefined, space);
  return found ? text.replace(new RegExp(`"${mark}(-?\\d+)"`, 'g'), '$1') : text;
}

/** The value with something else for each bigint; a copy only where there is one. */
function replaced(value: unknown, change: (integer: bigint) => unknown): unknown {
  if (typeof value === 'bigint') return change(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    let items: unknown[] = value;
    for (let at = 0; at < value.length; at++) {
      const item = replaced(value[at], change);
      if (item === value[at]) continue;
      if (items === value) items = [...value];
      items[at] = item;
    }
    return items;
  }
  const object = value as Record<string, unknown>;
  if (typeof object.toJSON === 'function') return value;
  let members = object;
  for (const key of Object.keys(object)) {
    const member = replaced(object[key], change);
    if (member === object[key]) continue;
    if (members === object) members = { ...object };
    setMember(members, key, member);
  }
  return members;
}

/** V8's own messages quote what is around the mistake. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new NotJson('it is not JSON');
  }
}

/** Most texts have fewer brackets than that, which is quickly seen. */
function isDeeperThan(text: string, levels: number): boolean {
  if (!hasMore(text, levels)) return false;
  let depth = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      continue;
    }
    if (code === OPEN_LIST || code === OPEN_OBJECT) depth++;
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--;
    if (depth > levels) return true;
    at++;
  }
  return false;
}

function hasMore(text: string, brackets: number): boolean {
  let count = 0;
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (++count > brackets) return true;
    }
  }
  return false;
}

/** Behind the quote that ends the string which begins at `start`; the end of the text when none does. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end;
    while (text.charCodeAt(before - 1) === BACKSLASH) before--;
    if ((end - before) % 2 === 0) return end + 1;
  }
  return text.length;
}

/** Whether there are 16 digits in a row, in a string or not: one of them is at every sixteenth place. */
function hasLongDigits(text: string): boolean {
  for (let at = LONG_DIGITS - 1; at < text.length; at += LONG_DIGITS) {
    if (!isDigit(text.charCodeAt(at))) continue;
    let from = at;
    while (isDigit(text.charCodeAt(from - 1))) from--;
    let end = at + 1;
    while (isDigit(text.charCodeAt(end))) end++;
    if (end - from >= LONG_DIGITS) return true;
  }
  return false;
}

/** The text with each long integer that is a value as a marked string. One before a colon would become a key. */
function markLongIntegers(text: string, mark: string): string {
  const parts: string[] = [];
  let copied = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code !== MINUS && !isDigit(code)) at++;
    else {
      const end = endOfNumber(text, at);
      const digits = end - at >= LONG_DIGITS ? text.slice(at, end) : '';
      if (LONG_INTEGER.test(digits) && !isKey(text, end)) {
        parts.push(text.slice(copied, at), '"', mark, digits, '"');
        copied = end;
      }
      at = end;
    }
  }
  return parts.join('') + text.slice(copied);
}

function endOfNumber(text: string, start: number): number {
  let at = start;
  for (let code = text.charCodeAt(at); isDigit(code) || IN_NUMBER.has(code); code = text.charCodeAt(++at)) {}
  return at;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isKey(text: string, end: number): boolean {
  BEFORE_COLON.lastIndex = end;
  return BEFORE_COLON.test(text);
}

/** The document with the integers that the marked strings in it stand for. */
function unmarked(value: unknown, mark: string): unknown {
  if (typeof value === 'string') return value.startsWith(mark) ? toInteger(value.slice(mark.length)) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) value[at] = unmarked(value[at], mark);
    return value;
  }
  for (const [key, member] of Object.entries(value)) {
    const read = unmarked(member, mark);
    if (read !== member) setMember(value, key, read);
  }
  return value;
}

/** Defined, not assigned: a key may be called `__proto__`. */
function setMember(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
}

function toInteger(digits: string): number | bigint {
  if (digits.length > DOUBLE_CHARACTERS) return BigInt(digits);
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}
