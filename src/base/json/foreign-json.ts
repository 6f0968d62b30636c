import { MAX_JSON_DEPTH, NotJson, parseJson } from './json';
import { beyondLimits } from './json-size';

/**
 * Commas, colons and opening brackets of a document that somebody else has written: a seccomp profile has some 2000, the CDI
 * spec of a machine with eight GPUs less than 10,000. Each costs up to a microsecond.
 */
export const MAX_FOREIGN_MARKS = 20_000;

/** As `parseJson`, of a text from outside. Throws NotJson for more than MAX_FOREIGN_MARKS, too, before anything is made of it. */
export function parseForeignJson(text: string): unknown {
  const beyond = beyondLimits(Buffer.from(text), { marks: MAX_FOREIGN_MARKS, depth: MAX_JSON_DEPTH });
  if (beyond === 'marks') throw new NotJson(`it has more than ${MAX_FOREIGN_MARKS} commas, colons and brackets`);
  return parseJson(text);
}
