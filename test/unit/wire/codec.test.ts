import { join } from 'node:path';
import fc from 'fast-check';
import { camelCase, mapTypes, Oracle, type Value } from './oracle';
import { type FieldTable, loadSchema, ROOT } from './tables';

/** A message of the generated code. */
interface Codec {
  encode(message: Value): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Value;
}

const schema = loadSchema();
const oracle = new Oracle(schema);
const MAX_DEPTH = 3;

describe.each([...schema.fileOf.keys()])('%s', (type) => {
  const codec = codecOf(type);

  it('is read by another implementation as it was written by ours, and by ours as by the other', () => {
    fc.assert(
      fc.property(message(type, 0), (value) => {
        expect(oracle.decode(type, codec.encode(value).finish())).toEqual(value);
        expect(codec.decode(oracle.encode(type, value))).toEqual(value);
      }),
      { numRuns: 15 },
    );
  });

  it('is nothing at all when every member is at its default', () => {
    const empty = oracle.empty(type);
    expect(codec.encode(empty).finish()).toHaveLength(0);
    expect(codec.decode(new Uint8Array())).toEqual(empty);
  });
});

/** The generated code of a message: nested ones are exported as `Outer_Inner`. */
function codecOf(type: string): Codec {
  const file = schema.fileOf.get(type) ?? '';
  const generated = require(join(ROOT, 'generated', file.replace(/\.proto$/, ''))) as Record<string, unknown>;
  const name = type.slice(String(generated.protobufPackage).length + 1).replace(/\./g, '_');
  const codec = generated[name] as Codec | undefined;
  if (!codec) throw new Error(`generated/ has no ${type}`);
  return codec;
}

/** Any value of a message. */
function message(type: string, depth: number): fc.Arbitrary<Value> {
  const members = oracle.fieldsOf(type).map((field) => [camelCase(field.name), member(field, depth)]);
  return fc.record(Object.fromEntries(members) as Record<string, fc.Arbitrary<unknown>>);
}

function member({ type, label }: FieldTable, depth: number): fc.Arbitrary<unknown> {
  const map = mapTypes(type);
  if (map) return fc.dictionary(key(), single(map[1]?.type ?? '', depth + 1), { maxKeys: 2, noNullPrototype: false });
  if (label === 'repeated') return fc.array(single(type, depth + 1), { maxLength: depth < MAX_DEPTH ? 2 : 0 });
  if (oracle.scalarOf(type)) return single(type, depth);
  return depth < MAX_DEPTH ? fc.option(single(type, depth + 1), { nil: undefined }) : fc.constant(undefined);
}

function single(type: string, depth: number): fc.Arbitrary<unknown> {
  if (type === 'google.protobuf.FieldMask') return fc.array(text(), { maxLength: 2 });
  const scalar = oracle.scalarOf(type);
  if (!scalar) return message(type, depth);
  switch (scalar) {
    case 'bool':
      return fc.boolean();
    case 'bytes':
      return fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes));
    case 'double':
      return fc.double({ noNaN: true }).filter((number) => !Object.is(number, -0)); // -0 counts as the default
    case 'int32':
      return fc.integer();
    case 'uint32':
      return fc.integer({ min: 0, max: 2 ** 32 - 1 });
    case 'int64':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case 'uint64':
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case 'string':
      return text();
    case 'enum':
      return fc.constantFrom(...(schema.enums.get(type) ?? []));
  }
}

/** The other implementation takes a U+FEFF at the beginning for a byte order mark, and leaves it out. */
function text(): fc.Arbitrary<string> {
  return fc.string({ unit: 'binary', maxLength: 6 }).filter((value) => !value.startsWith('\uFEFF'));
}

/** Names that an object with a prototype has already are among them. */
function key(): fc.Arbitrary<string> {
  return fc.oneof({ weight: 3, arbitrary: text() }, fc.constantFrom('__proto__', 'constructor', 'toString'));
}
