import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const LINES = 6;
const ID = /[0-9a-f]{64}/g;

/** The last that crisp's log in `dir` has said of each object whose id is in `texts`. */
export function toldOf(dir: string, texts: readonly string[]): string[] {
  const log = join(dir, 'crisp.log');
  const lines = existsSync(log) ? readFileSync(log, 'utf8').split('\n') : [];
  const ids = new Set(texts.flatMap((text) => text.match(ID) ?? []));
  return [...ids].flatMap((id) => lines.filter((line) => line.includes(id)).slice(-LINES));
}
