import { randomUUID } from 'node:crypto';

/**
 * JSON with 64-bit integers. Go writes int64 as plain JSON numbers; JavaScript's own reader rounds those beyond 2^53.
 * Here an integer that a double cannot hold exactly is read as a bigint, and a bigint is written as a plain number. On
 * its way such an integer is a string that begins with a mark of this call's own, which no text from outside can have.
 */

/** A number before a colon is no JSON; marked it would become a key. */
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?!\s*:)/g;
/** Not one with leading zeros, which is no JSON either. */
const LONG_INTEGER = /^-?[1-9]\d{15,}$/;
/** Digits of the shortest integer that is marked. */
const LONG = 16;

/**
 * Parses JSON text, in time that grows with its length alone. Integers that do not fit a double exactly come back as bigint.
 * Throws SyntaxError on bad text.
 */
export function parseJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const mark = randomUUID();
  return withIntegers(JSON.parse(marked(text, mark)), mark);
}

/** The text with each long integer outside of its strings as a marked string. */
function marked(text: string, mark: string): string {
  const pieces: string[] = [];
  let at = 0;
  while (at < text.length) {
    const quote = text.indexOf('"', at);
    const between = text.slice(at, quote < 0 ? text.length : quote);
    pieces.push(between.length < LONG ? between : between.replace(NUMBER, (token) => markIfLong(token, mark)));
    if (quote < 0) break;
    at = endOfString(text, quote + 1);
    pieces.push(text.slice(quote, at));
  }
  return pieces.join('');
}

function markIfLong(token: string, mark: string): string {
  return LONG_INTEGER.test(token) ? `"${mark}${token}"` : token;
}

/** Behind the quote that ends a string whose content begins at `from`; the end of the text when nothing ends it. */
function endOfString(text: string, from: number): number {
  for (let quote = text.indexOf('"', from); quote >= 0; quote = text.indexOf('"', quote + 1)) {
    let before = quote;
    while (before > from && text[before - 1] === '\\') before--;
    if ((quote - before) % 2 === 0) return quote + 1;
  }
  return text.length;
}

/** The value with integers in the place of marked strings. Not by a call per member: documents may be as deep as they are long. */
function withIntegers(value: unknown, mark: string): unknown {
  const whole = { value };
  const open: object[] = [whole];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const key of Object.keys(next)) {
      const member: unknown = Reflect.get(next, key);
      if (typeof member === 'object' && member !== null) open.push(member);
      else if (typeof member === 'string' && member.startsWith(mark)) {
        Reflect.set(next, key, toInteger(member.slice(mark.length)));
      }
    }
  }
  return whole.value;
}

/** Writes JSON; a bigint becomes a plain number, `undefined` members are left out. `space` indents as in JSON.stringify. */
export function stringifyJson(value: unknown, space?: number): string {
  const mark = randomUUID();
  let found = false;
  const text = JSON.stringify(
    value,
    (_key, member: unknown) => {
      if (typeof member !== 'bigint') return member;
      found = true;
      return `${mark}${member}`;
    },
    space,
  );
  return found ? text.replace(new RegExp(`"${mark}(-?\\d+)"`, 'g'), '$1') : text;
}

function toInteger(digits: string): number | bigint {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}
