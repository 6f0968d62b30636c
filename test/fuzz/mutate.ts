import fc from 'fast-check';
import { type Input, latin } from './input';
import type { Target } from './target';

/** One change of an input. Places are shares of its length, so that they fit whatever the other changes leave. */
type Change =
  | { readonly kind: 'bit'; readonly at: number; readonly bit: number }
  | { readonly kind: 'put'; readonly at: number; readonly text: string; readonly over: boolean }
  | { readonly kind: 'drop'; readonly at: number; readonly length: number }
  | { readonly kind: 'repeat'; readonly at: number; readonly length: number; readonly times: number }
  | { readonly kind: 'splice'; readonly at: number; readonly other: string; readonly from: number }
  | { readonly kind: 'member'; readonly nth: number; readonly value: unknown };

const PLACES = 1 << 16;
const MOST_CHANGES = 8;

/** Inputs like those that a target is for, with a few changes; those with fewer changes are the smaller ones. */
export function inputs({ seeds, tokens }: Target): fc.Arbitrary<Input> {
  const at = fc.nat(PLACES - 1);
  const length = fc.oneof(fc.nat(4), fc.nat(40), fc.nat(4000));
  const bytes = fc.uint8Array({ maxLength: 12 }).map((each) => latin(each));
  const text = fc.oneof(
    fc.constantFrom(...tokens),
    bytes,
    fc.constantFrom(...tokens).map((each) => each.repeat(50)),
  );
  const seed = fc.constantFrom(...seeds);
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.record({ kind: fc.constant('bit' as const), at, bit: fc.nat(7) }),
    fc.record({ kind: fc.constant('put' as const), at, text, over: fc.boolean() }),
    fc.record({ kind: fc.constant('drop' as const), at, length }),
    fc.record({ kind: fc.constant('repeat' as const), at, length, times: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ kind: fc.constant('splice' as const), at, other: seed, from: at }),
    fc.record({ kind: fc.constant('member' as const), nth: fc.nat(500), value: anything() }),
  );
  return fc
    .tuple(seed, fc.array(change, { maxLength: MOST_CHANGES }))
    .map(([begin, changes]) => ({ before: changes.reduce(changed, begin) }));
}

/** Inputs that go on and on: a part of a seed, or what the format is made of, to be repeated in a seed or alone. */
export function pumps({ seeds, tokens }: Target): fc.Arbitrary<Input> {
  const seed = fc.constantFrom(...seeds);
  const place = fc.nat(PLACES - 1);
  const part = fc
    .tuple(seed, place, fc.integer({ min: 1, max: 60 }))
    .map(([text, at, length]) => text.substring(placed(text, at), placed(text, at) + length) || text || 'x');
  const piece = fc.oneof(
    fc.constantFrom(...tokens),
    part,
    fc.tuple(fc.constantFrom(...tokens), fc.constantFrom(...tokens)).map(([a, b]) => a + b),
  );
  return fc.tuple(fc.boolean(), seed, place, piece).map(([alone, text, at, repeated]) => {
    if (alone) return { before: '', piece: repeated, times: 1 };
    const cut = placed(text, at);
    return { before: text.slice(0, cut), piece: repeated, times: 1, after: text.slice(cut) };
  });
}

/** A value for a member of a JSON document. */
function anything(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.constantFrom(
      null,
      true,
      '',
      [],
      {},
      -1,
      0,
      0.5,
      2 ** 53,
      1e300,
      [null],
      [[]],
      [{}],
      { '': null },
      '\ud800',
      '/',
    ),
    fc.jsonValue({ maxDepth: 2 }),
  );
}

function changed(text: string, change: Change): string {
  switch (change.kind) {
    case 'bit': {
      const at = placed(text, change.at);
      return `${text.slice(0, at)}${String.fromCharCode((text.charCodeAt(at) || 0) ^ (1 << change.bit))}${text.slice(at + 1)}`;
    }
    case 'put': {
      const at = placed(text, change.at);
      return text.slice(0, at) + change.text + text.slice(at + (change.over ? change.text.length : 0));
    }
    case 'drop': {
      const at = placed(text, change.at);
      return text.slice(0, at) + text.slice(at + change.length);
    }
    case 'repeat': {
      const at = placed(text, change.at);
      const end = at + change.length;
      return text.slice(0, end) + text.slice(at, end).repeat(change.times) + text.slice(end);
    }
    case 'splice':
      return text.slice(0, placed(text, change.at)) + change.other.slice(placed(change.other, change.from));
    case 'member':
      return withMember(text, change.nth, change.value);
  }
}

/** The document with its nth value, as a reader of JSON meets them, replaced; text that is no JSON stays as it is. */
function withMember(text: string, nth: number, value: unknown): string {
  try {
    const json = Buffer.from(text, 'latin1').toString('utf8');
    let count = 0;
    JSON.parse(json, () => void count++);
    let left = nth % Math.max(1, count);
    const other = JSON.parse(json, (_key, member: unknown) => (left-- === 0 ? value : member)) as unknown;
    return latin(JSON.stringify(other) ?? '');
  } catch {
    return text;
  }
}

function placed(text: string, place: number): number {
  return Math.floor((place / PLACES) * (text.length + 1));
}
