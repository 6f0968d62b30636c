/** One challenge of a WWW-Authenticate header (RFC 9110): the scheme in lower case, parameter names too. */
export interface Challenge {
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
}

const MAX_HEADER = 8192;

/**
 * Reads the challenges of WWW-Authenticate headers. What does not follow the grammar ends the reading of that header; the
 * challenges before it count. Linear in the text.
 */
export function parseChallenges(header: string): Challenge[] {
  const reader = new Reader(header.slice(0, MAX_HEADER));
  const challenges: Challenge[] = [];
  while (!reader.atEnd()) {
    reader.skip(' \t,');
    const scheme = reader.token();
    if (scheme === '') break;
    challenges.push({ scheme: scheme.toLowerCase(), params: paramsOf(reader) });
  }
  return challenges;
}

function paramsOf(reader: Reader): Map<string, string> {
  const params = new Map<string, string>();
  while (!reader.atEnd()) {
    reader.skip(' \t,');
    const start = reader.at;
    const name = reader.token();
    reader.skip(' \t');
    if (name === '' || !reader.take('=')) {
      reader.at = start; // the next challenge begins here
      break;
    }
    reader.skip(' \t');
    const value = reader.take('"') ? reader.quoted() : reader.token();
    if (!params.has(name.toLowerCase())) params.set(name.toLowerCase(), value);
  }
  return params;
}

/** Walks through a header's text. */
class Reader {
  at = 0;
  constructor(private readonly text: string) {}

  atEnd(): boolean {
    return this.at >= this.text.length;
  }

  skip(characters: string): void {
    while (!this.atEnd() && characters.includes(this.text.charAt(this.at))) this.at++;
  }

  take(character: string): boolean {
    if (this.text.charAt(this.at) !== character) return false;
    this.at++;
    return true;
  }

  token(): string {
    const start = this.at;
    while (!this.atEnd() && !/[\s,="]/.test(this.text.charAt(this.at))) this.at++;
    return this.text.slice(start, this.at);
  }

  /** The rest of a quoted string; a backslash takes the next character as it is. */
  quoted(): string {
    let out = '';
    while (!this.atEnd()) {
      const c = this.text.charAt(this.at++);
      if (c === '"') break;
      out += c === '\\' ? this.text.charAt(this.at++) : c;
    }
    return out;
  }
}
