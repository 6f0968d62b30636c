/** A parser that reads what somebody else has written, and what may come of it. */
export interface Target {
  /** `<room>/<what>`, also the name of the file with what once failed. */
  readonly name: string;
  /** Inputs as characters of Latin-1. The first is what the parser is for: it is read without an error. */
  readonly seeds: readonly string[];
  /** What the format is made of: inserted, and repeated until there is no room for more. */
  readonly tokens: readonly string[];
  /** Longest input that whoever calls it lets through, in bytes; absent: a MiB is tried. */
  readonly most?: number;
  /**
   * What a MiB may cost, in milliseconds of processor time; absent: 50. More where several readers read the same, and where
   * nobody writes a MiB but the administrator or the kernel: then only its growth is looked at.
   */
  readonly mibMs?: number;
  /** Reads the bytes. Whatever it starts has ended when the promise resolves. False: it has passed over what it has read. */
  read(bytes: Buffer): unknown;
  /** True for the errors by which the parser may refuse its input; absent: it refuses nothing. */
  refuses?(thrown: unknown): boolean;
}

/** What format of text nearly every parser meets somewhere: ends, nothing, numbers that are too large, names that objects have. */
export const COMMON_TOKENS: readonly string[] = [
  ...['\0', '\n', '\r\n', ' ', '\t', '\x7f', '\xff', '\xef\xbb\xbf', '\xed\xa0\x80', '\xf0\x9f\x98\x80'],
  ...['0', '-1', '4294967296', '9223372036854775808', '1e999', 'NaN', '99999999999999999999999999'],
  ...['__proto__', 'constructor', 'toString', '../', '%00', "'", '"', '\\', '/', ':', ',', ';', '=', '#', '@'],
];

/** What JSON is made of besides. */
export const JSON_TOKENS: readonly string[] = [
  ...[
    '[',
    ']',
    '{',
    '}',
    '{"a":',
    '[[],',
    '[1,',
    '"",',
    'null',
    'true',
    '12345678901234567,',
    '"\\ud800"',
    '"\\u0000"',
  ],
  ...['"__proto__":{},', '\\', '\\"', '{},', '[],', '1,'],
];

/** True for errors of these classes. */
export function either(
  ...classes: readonly (abstract new (
    ...args: never[]
  ) => Error)[]
): (thrown: unknown) => boolean {
  return (thrown) => classes.some((each) => thrown instanceof each);
}

/** True for the errors of JSON text that is none. By name: the class is another one in every realm. */
export function isSyntaxError(thrown: unknown): boolean {
  return (
    typeof thrown === 'object' &&
    thrown !== null &&
    'name' in thrown &&
    (thrown.name === 'SyntaxError' || thrown.name === 'NotJson')
  );
}
