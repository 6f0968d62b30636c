/**
 * JSON with 64-bit integers. Go writes int64 as plain JSON numbers; JavaScript's own reader rounds those beyond 2^53.
 * Here an integer that a double cannot hold exactly is read as a bigint, and a bigint is written as a plain number.
 */

const INTEGER_TOKEN = /^-?\d{16,}$/;
/** Marks a long integer on its way through JSON.parse; U+E000 is a private-use character no JSON writer of ours emits. */
const MARK = '\uE000';

/** Parses JSON text. Integers that do not fit a double exactly come back as bigint. Throws SyntaxError on bad text. */
export function parseJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return JSON.parse(markLongIntegers(text), (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? fromMark(value) : value,
  );
}

/** Writes JSON; a bigint becomes a plain number, `undefined` members are left out. `space` indents as in JSON.stringify. */
export function stringifyJson(value: unknown, space?: number): string {
  let found = false;
  const text = JSON.stringify(
    value,
    (_key, member: unknown) => {
      if (typeof member !== 'bigint') return member;
      found = true;
      return `${MARK}${member}`;
    },
    space,
  );
  return found ? text.replace(new RegExp(`"${MARK}(-?\\d+)"`, 'g'), '$1') : text;
}

function fromMark(text: string): number | bigint | string {
  const digits = text.slice(MARK.length);
  if (!INTEGER_TOKEN.test(digits)) return text;
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}

/** Puts every number token of 16 or more digits into a marked string, leaving the inside of strings alone. */
function markLongIntegers(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g, (token) =>
    token.startsWith('"') ? token : `"${MARK}${token}"`,
  );
}
