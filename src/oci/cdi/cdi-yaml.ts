interface Line {
  readonly indent: number;
  readonly text: string;
  /** Counted from 1, for errors. */
  readonly number: number;
}

/** Maps and lists that may be inside of each other. */
const MAX_DEPTH = 100;
/**
 * Newlines, commas, brackets and dashes: each may begin a value, which takes some microseconds. A machine with eight GPUs has
 * some 2000.
 */
export const MAX_YAML_MARKS = 10_000;
const MARKS: ReadonlySet<number> = new Set([...'\n,[{'].map((character) => character.charCodeAt(0)));
const [DASH, SPACE, TAB, HASH, SINGLE, DOUBLE, BACKSLASH] = [0x2d, 0x20, 9, 0x23, 0x27, 0x22, 0x5c];
const BEFORE_QUOTE: ReadonlySet<number> = new Set([...' \t,[{:-'].map((character) => character.charCodeAt(0)));

/** The lines still to be read; the first is looked at, then taken. */
class Lines {
  private at = 0;
  private depth = 0;

  constructor(private readonly lines: Line[]) {}

  get first(): Line | undefined {
    return this.lines[this.at];
  }

  take(): void {
    this.at++;
  }

  /** What is left of the line that was taken last is a line of its own. */
  putBack(rest: Line): void {
    this.lines[--this.at] = rest;
  }

  /** Reads what is one level further inside. */
  inside<T>(read: () => T): T {
    if (++this.depth > MAX_DEPTH) throw failed(this.first, `nests deeper than ${MAX_DEPTH} levels`);
    const value = read();
    this.depth--;
    return value;
  }
}

const SEPARATOR = /^-(\s|$)/;

function failed(line: Line | undefined, problem: string): Error {
  return new Error(`line ${line?.number ?? 'last'}: ${problem}`);
}

/** Where a comment starts: `#` at the start or after a blank, not in quotes. */
function withoutComment(text: string): string {
  if (!text.includes('#')) return text;
  let quote = 0;
  let before = SPACE;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (quote === DOUBLE && code === BACKSLASH) i++;
    else if (quote) quote = code === quote ? 0 : quote;
    else if ((code === DOUBLE || code === SINGLE) && BEFORE_QUOTE.has(before)) quote = code;
    else if (code === HASH && isBlank(before)) return text.slice(0, i);
    before = code;
  }
  return text;
}

function requireFewMarks(document: string): void {
  let marks = 0;
  for (let at = 0; at < document.length; at++) {
    const code = document.charCodeAt(at);
    if (MARKS.has(code) || (code === DASH && isBlank(document.charCodeAt(at + 1)))) marks++;
    if (marks > MAX_YAML_MARKS) throw new Error(`it has more than ${MAX_YAML_MARKS} lines and items`);
  }
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Behind the quote that ends a text in single quotes, in which two of them are one; undefined when none does. */
function endOfSingle(text: string): number | undefined {
  if (!text.startsWith("'")) return undefined;
  for (let quote = text.indexOf("'", 1); quote >= 0; quote = text.indexOf("'", quote + 2)) {
    if (text[quote + 1] !== "'") return quote + 1;
  }
  return undefined;
}

function linesOf(document: string): Lines {
  const lines: Line[] = [];
  for (const [i, raw] of document.split(/\r?\n/).entries()) {
    const text = withoutComment(raw).trimEnd();
    if (!text.trim() || (text === '---' && lines.length === 0)) continue;
    const indent = text.length - text.trimStart().length;
    const line = { indent, text: text.slice(indent), number: i + 1 };
    if (raw.slice(0, indent).includes('\t')) throw failed(line, 'is indented with a tab');
    if (text === '---' || text === '...' || text.startsWith('%')) throw failed(line, 'is more than one document');
    lines.push(line);
  }
  return new Lines(lines);
}

function plain(text: string): unknown {
  if (['', '~', 'null'].includes(text)) return null;
  if (text === 'true' || text === 'false') return text === 'true';
  // With a leading zero it is octal, as Go's readers of these files have it: file modes are written so.
  if (/^0o?[0-7]+$/.test(text)) return Number.parseInt(text.replace('o', ''), 8);
  if (/^[-+]?[0-9]+(\.[0-9]+)?$/.test(text) || /^0x[0-9a-fA-F]+$/.test(text)) return Number(text);
  return text;
}

/** Reads one value within a line, from `at`; answers where it ends. `ends` are the characters that end a plain one. */
function value(line: Line, at: number, ends: RegExp, depth = 0): { value: unknown; end: number } {
  const rest = line.text.slice(at);
  const double = /^"(?:[^"\\]|\\.)*"/.exec(rest)?.[0];
  if (double !== undefined) return { value: unescaped(line, double), end: at + double.length };
  const single = endOfSingle(rest);
  if (single !== undefined)
    return {
      value: rest
        .slice(1, single - 1)
        .split("''")
        .join("'"),
      end: at + single,
    };
  if (rest.startsWith('[') || rest.startsWith('{')) return flow(line, at, depth + 1);
  if (/^["'|>&*!%@`]/.test(rest)) throw failed(line, `${rest[0]} is not read here`);
  const length = rest.search(ends);
  const text = length < 0 ? rest : rest.slice(0, length);
  return { value: plain(text.trim()), end: at + text.length };
}

function unescaped(line: Line, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw failed(line, 'has an escape that is not read here');
  }
}

function skipBlanks(line: Line, at: number): number {
  return at + (/^\s*/.exec(line.text.slice(at))?.[0].length ?? 0);
}

/** A list or a map in brackets; it has to end on its line. */
function flow(line: Line, start: number, depth: number): { value: unknown; end: number } {
  if (depth > MAX_DEPTH) throw failed(line, `nests deeper than ${MAX_DEPTH} levels`);
  const map = line.text[start] === '{';
  const close = map ? '}' : ']';
  const items: unknown[] = [];
  const entries: [string, unknown][] = [];
  let at = skipBlanks(line, start + 1);
  while (line.text[at] !== close) {
    if (at >= line.text.length) throw failed(line, `has no ${close}`);
    const first = value(line, at, map ? /:(\s|$)|[,}]/ : /[,\]]/, depth);
    at = skipBlanks(line, first.end);
    if (map) {
      if (line.text[at] !== ':') throw failed(line, 'has a key without a value');
      const second = value(line, skipBlanks(line, at + 1), /[,}]/, depth);
      entries.push([String(first.value), second.value]);
      at = skipBlanks(line, second.end);
    } else items.push(first.value);
    if (line.text[at] === ',') at = skipBlanks(line, at + 1);
    else if (line.text[at] !== close) throw failed(line, `has neither a comma nor ${close}`);
  }
  return { value: map ? Object.fromEntries(entries) : items, end: at + 1 };
}

/** The whole rest of a line as one value. */
function whole(line: Line, at: number): unknown {
  const read = value(line, at, /$/);
  if (skipBlanks(line, read.end) < line.text.length) throw failed(line, 'has something after its value');
  return read.value;
}

/** Splits `key: value`; undefined when the line is no such thing. */
function keyOf(line: Line): { key: string; valueAt: number } | undefined {
  const { text } = line;
  const quoted = /^(?:"([^"\\]*)"|'([^']*)')\s*:(?=\s|$)/.exec(text);
  if (quoted) return { key: quoted[1] ?? quoted[2] ?? '', valueAt: skipBlanks(line, quoted[0].length) };
  if (!/^(?:[^\s"'[{#&*!|>%@`-]|-[^\s#])/.test(text)) return undefined;
  const least = text.startsWith('-') ? 2 : 1;
  const colon = text.slice(least).search(/:(?:\s|$)/) + least;
  const key = text.slice(0, colon).trimEnd();
  return colon < least || key.includes('#') ? undefined : { key, valueAt: skipBlanks(line, colon + 1) };
}

function list(lines: Lines, indent: number): unknown[] {
  const items: unknown[] = [];
  for (let line = lines.first; line?.indent === indent && SEPARATOR.test(line.text); line = lines.first) {
    const at = skipBlanks(line, 1);
    lines.take();
    if (at >= line.text.length) items.push(below(lines, indent + 1));
    else {
      // What follows the dash is a block of its own, as if it stood on its own line.
      lines.putBack({ indent: indent + at, text: line.text.slice(at), number: line.number });
      items.push(block(lines));
    }
  }
  return items;
}

function map(lines: Lines, indent: number): Record<string, unknown> {
  const entries = new Map<string, unknown>();
  for (let line = lines.first; line?.indent === indent; line = lines.first) {
    const key = keyOf(line);
    if (!key) throw failed(line, 'is not a key with a value');
    if (entries.has(key.key)) throw failed(line, 'has a key a second time');
    lines.take();
    entries.set(key.key, key.valueAt < line.text.length ? whole(line, key.valueAt) : ofKey(lines, indent));
  }
  return Object.fromEntries(entries);
}

/** A list may stand at the indentation of its key. */
function ofKey(lines: Lines, indent: number): unknown {
  const { first: next } = lines;
  return next?.indent === indent && SEPARATOR.test(next.text) ? list(lines, indent) : below(lines, indent + 1);
}

function below(lines: Lines, indent: number): unknown {
  const { first: next } = lines;
  return next && next.indent >= indent ? block(lines) : null;
}

function block(lines: Lines): unknown {
  const { first: line } = lines;
  if (!line) return null;
  if (SEPARATOR.test(line.text)) return lines.inside(() => list(lines, line.indent));
  if (keyOf(line)) return lines.inside(() => map(lines, line.indent));
  lines.take();
  return whole(line, 0);
}

/**
 * Reads the YAML that tools write CDI files in: maps, lists, quoted and plain values on one line, brackets on one line.
 * Anything else of YAML (anchors, tags, texts over several lines) is an Error that names the line.
 */
export function parseYaml(document: string): unknown {
  requireFewMarks(document);
  const lines = linesOf(document);
  const read = block(lines);
  if (lines.first) throw failed(lines.first, 'is not indented as what is around it');
  return read;
}
