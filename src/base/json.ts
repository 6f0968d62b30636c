import { randomUUID } from 'node:crypto';

/**
 * JSON with 64-bit integers. Go writes int64 as plain JSON numbers; JavaScript's own reader rounds those beyond 2^53.
 * Here an integer that a double cannot hold exactly is read as a bigint, and a bigint is written as a plain number. On
 * its way such an integer is a string that begins with a mark of this call's own, which no text from outside can have.
 */

/** A number before a colon is no JSON; marked it would become a key. */
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?!\s*:)/g;
/** Not one with leading zeros, which is no JSON either. */
const LONG_INTEGER = /^-?[1-9]\d{15,}$/;

/** Parses JSON text. Integers that do not fit a double exactly come back as bigint. Throws SyntaxError on bad text. */
export function parseJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const mark = randomUUID();
  const marked = text.replace(STRING_OR_NUMBER, (token) => (LONG_INTEGER.test(token) ? `"${mark}${token}"` : token));
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(mark) ? toInteger(value.slice(mark.length)) : value,
  );
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
