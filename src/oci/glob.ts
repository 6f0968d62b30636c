/** One step of a pattern: a literal character, `?`, `*`, or a class in brackets. */
type Token =
  | { readonly kind: 'char'; readonly char: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'star' }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly (readonly [string, string])[] };

/** Go's path.Match grammar; undefined when the pattern is malformed. */
function parse(pattern: string): Token[] | undefined {
  const chars = [...pattern];
  const tokens: Token[] = [];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] ?? '';
    if (char === '*') tokens.push({ kind: 'star' });
    else if (char === '?') tokens.push({ kind: 'any' });
    else if (char === '[') {
      const parsed = parseClass(chars, i + 1);
      if (!parsed) return undefined;
      tokens.push(parsed.token);
      i = parsed.end;
    } else {
      const literal = char === '\\' ? chars[++i] : char;
      if (literal === undefined) return undefined;
      tokens.push({ kind: 'char', char: literal });
    }
  }
  return tokens;
}

/** From behind `[` to the index of its `]`. A class has at least one range; `-` and `]` need a backslash. */
function parseClass(chars: readonly string[], start: number): { token: Token; end: number } | undefined {
  let at = start;
  const negated = chars[at] === '^';
  if (negated) at++;
  const next = (): string | undefined => {
    const char = chars[at++];
    if (char === undefined || char === '-' || (char === ']' && ranges.length === 0)) return undefined;
    return char === '\\' ? chars[at++] : char;
  };
  const ranges: [string, string][] = [];
  while (chars[at] !== ']' || ranges.length === 0) {
    const low = next();
    if (low === undefined) return undefined;
    let high: string | undefined = low;
    if (chars[at] === '-') {
      at++;
      high = chars[at] === ']' ? undefined : next();
    }
    if (high === undefined || at >= chars.length) return undefined;
    ranges.push([low, high]);
  }
  return { token: { kind: 'class', negated, ranges }, end: at };
}

function codePoint(char: string): number {
  return char.codePointAt(0) ?? 0;
}

function matchesOne(token: Token, char: string): boolean {
  if (token.kind === 'char') return token.char === char;
  if (token.kind === 'any') return char !== '/';
  if (token.kind === 'star') return false;
  const code = codePoint(char);
  const inside = token.ranges.some(([low, high]) => codePoint(low) <= code && code <= codePoint(high));
  return inside !== token.negated;
}

/** A pattern that is read once and matched with many texts. */
export interface Glob {
  /** The literal text that everything the pattern matches begins with. */
  readonly prefix: string;
  matches(text: string): boolean;
}

/**
 * A pattern as Go's path.Match has them: `*` and `?` do not match `/`. A malformed one matches nothing. Only the last `*` is
 * ever tried again, so the time of a match is bounded by the product of the two lengths.
 */
export function compileGlob(pattern: string): Glob {
  const tokens = parse(pattern);
  const prefix = tokens ? prefixOf(tokens) : '';
  return { prefix, matches: (text) => tokens !== undefined && text.startsWith(prefix) && matchTokens(tokens, text) };
}

/** True when `text` matches the pattern; for more than one text, `compileGlob` takes less time. */
export function matchGlob(pattern: string, text: string): boolean {
  return compileGlob(pattern).matches(text);
}

function matchTokens(tokens: readonly Token[], text: string): boolean {
  const chars = /[\ud800-\udfff]/.test(text) ? [...text] : text;
  let star = -1;
  let starAt = 0;
  let token = 0;
  let at = 0;
  while (at < chars.length) {
    const current = tokens[token];
    const char = chars[at] ?? '';
    if (current?.kind === 'star') {
      star = token++;
      starAt = at;
    } else if (current && matchesOne(current, char)) {
      token++;
      at++;
    } else if (star >= 0 && chars[starAt] !== '/') {
      token = star + 1;
      at = ++starAt;
    } else return false;
  }
  return tokens.slice(token).every((rest) => rest.kind === 'star');
}

function prefixOf(tokens: readonly Token[]): string {
  const end = tokens.findIndex((token) => token.kind !== 'char');
  const literal = end < 0 ? tokens : tokens.slice(0, end);
  return literal.map((token) => (token.kind === 'char' ? token.char : '')).join('');
}
