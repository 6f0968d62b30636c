const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const TERM = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/gy;

/** Milliseconds of a duration as containerd writes it (`10s`, `1h30m`, `1.5h`; `0` needs no unit); undefined for other text. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  let total = 0;
  let end = 0;
  for (const term of text.matchAll(TERM)) {
    total += Number(term[1]) * (UNIT_MS[term[2] ?? ''] ?? Number.NaN);
    end = term.index + term[0].length;
  }
  return end === 0 || end !== text.length ? undefined : total;
}
