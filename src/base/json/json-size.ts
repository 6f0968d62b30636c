/** How much work a JSON text makes for whoever parses it, apart from its length. */
export interface JsonLimits {
  /** Commas, colons and opening brackets: about two for each member of an object, one for each item of a list. */
  readonly marks: number;
  /** Brackets within brackets. */
  readonly depth: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Which limit a JSON text is beyond, undefined if none. Parsing takes time and memory by the number of values rather than by the
 * length, and those who walk through the outcome by its depth, so that a text from outside is looked through before. Linear, and
 * no further than to the limit. Whether the text is JSON at all is not looked at.
 */
export function beyondLimits(text: Buffer, limits: JsonLimits): keyof JsonLimits | undefined {
  let marks = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at];
    if (byte === QUOTE) {
      at = endOfString(text, at);
    } else if (byte === COMMA || byte === COLON) {
      marks++;
    } else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      marks++;
      depth++;
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
      depth--;
    }
    if (marks > limits.marks) return 'marks';
    if (depth > limits.depth) return 'depth';
  }
  return undefined;
}

/** Where the string that begins at `start` ends. */
function endOfString(text: Buffer, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const byte = text[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  return text.length;
}
