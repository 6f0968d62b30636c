import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';

const LEVELS: ReadonlySet<unknown> = new Set(['warn', 'error']);

/** How often a log, of an object in JSON in each line, says what at level warn or error: the most frequent first. */
export async function noiseIn(path: string): Promise<[what: string, times: number][]> {
  const times = new Map<string, number>();
  if (!existsSync(path)) return [];
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const { level, message } = parsed(line);
    if (!LEVELS.has(level)) continue;
    const what = `${level}: ${message}`;
    times.set(what, (times.get(what) ?? 0) + 1);
  }
  return [...times].sort(([, a], [, b]) => b - a);
}

/** What a daemon prints besides is no object. */
function parsed(line: string): { readonly level?: unknown; readonly message?: unknown } {
  try {
    return { ...(JSON.parse(line) as object) };
  } catch {
    return {};
  }
}
