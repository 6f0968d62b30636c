/**
 * Bytes for a parser, a character of Latin-1 for each, so that those that once failed can be kept as JSON. A piece of it may
 * stand there many times: then a megabyte is a line.
 */
export interface Input {
  readonly before: string;
  readonly piece?: string;
  readonly times?: number;
  readonly after?: string;
}

/** The bytes. */
export function bytesOf({ before, piece = '', times = 0, after = '' }: Input): Buffer {
  return Buffer.from(before + piece.repeat(times) + after, 'latin1');
}

/** Text as the characters of its UTF-8 bytes. */
export function latin(text: string | Uint8Array): string {
  return Buffer.from(text as string).toString('latin1');
}

/** The input with its piece so often that it has about so many bytes. */
export function stretched(input: Input, bytes: number): Input {
  const { before, piece = '', after = '' } = input;
  const room = bytes - before.length - after.length;
  return { ...input, times: Math.max(1, Math.floor(room / Math.max(1, piece.length))) };
}

/** As people read it, cut short. */
export function shown(input: Input): string {
  const text = JSON.stringify(input);
  return text.length > 600 ? `${text.slice(0, 600)}… (${text.length} characters)` : text;
}
