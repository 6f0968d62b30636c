import type { Flat } from './canonical';

/** A field in which two specs of one case differ; `-` stands for what one of them lacks. */
export interface Difference {
  readonly of: string;
  readonly field: string;
  readonly theirs: string;
  readonly ours: string;
}

/** A text is the whole of what it is compared with; a pattern has to match. */
type Match = string | RegExp;

/** Differences that are meant: in the specs of which cases, in which fields, from which value to which, and why. */
export interface Meant {
  readonly of: Match;
  /** Field, the plugin's value, crisp's. */
  readonly changes: readonly (readonly [field: Match, theirs: Match, ours: Match])[];
  readonly why: string;
}

type Specs = Readonly<Record<string, Flat>>;

/** What is wrong between two sets of specs: differences that nobody meant, and meant ones that are not there. */
export function unmeant(theirs: Specs, ours: Specs, meant: readonly Meant[]): string[] {
  const found = differences(theirs, ours);
  const entries = meant.flatMap(({ of, changes, why }) => changes.map((change) => ({ of, change, why })));
  const surprises = found.filter((each) => !entries.some((entry) => isOf(each, entry)));
  const absent = entries.filter((entry) => !found.some((each) => isOf(each, entry)));
  return [
    ...surprises.map(({ of, field, theirs: left, ours: right }) => `${of}: ${field}: ${left} -> ${right}`),
    ...absent.map(({ of, change, why }) => `no such difference: ${of}: ${change.join(' -> ')} (${why})`),
  ];
}

function differences(theirs: Specs, ours: Specs): Difference[] {
  return keysOf(theirs, ours).flatMap((of) => {
    const [left, right] = [theirs[of] ?? {}, ours[of] ?? {}];
    return keysOf(left, right)
      .filter((field) => left[field] !== right[field])
      .map((field) => ({ of, field, theirs: String(left[field] ?? '-'), ours: String(right[field] ?? '-') }));
  });
}

function keysOf(...objects: readonly object[]): string[] {
  return [...new Set(objects.flatMap((each) => Object.keys(each)))].sort();
}

function isOf(
  found: Difference,
  { of, change: [field, theirs, ours] }: { of: Match; change: Meant['changes'][number] },
) {
  return (
    matches(found.of, of) && matches(found.field, field) && matches(found.theirs, theirs) && matches(found.ours, ours)
  );
}

function matches(text: string, match: Match): boolean {
  return typeof match === 'string' ? text === match : match.test(text);
}
