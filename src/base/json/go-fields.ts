/**
 * Documents that Go programs write and read. Go's encoding/json finds the field of a struct whatever the case of the key
 * in the document, and so do the YAML and TOML readers that Go programs use; the keys of a map (labels, annotations) it
 * takes as they stand. A shape says which objects of a document are structs.
 */
export type GoShape = Value | Struct | List | Dictionary;

type Value = 'value';
interface Struct {
  readonly kind: 'struct';
  readonly fields: ReadonlyMap<string, GoShape>;
  /** Names of fields by what `folded` makes of them. */
  readonly names: ReadonlyMap<string, string>;
}
interface List {
  readonly kind: 'list';
  readonly items: GoShape;
}
interface Dictionary {
  readonly kind: 'map';
  readonly values: GoShape;
}

/** A struct: names of fields that hold no struct, separated by blanks, and the fields that do. */
export function goStruct(plain: string, nested: Readonly<Record<string, GoShape>> = {}): GoShape {
  const names = plain.split(' ').filter((name) => name !== '');
  const fields = new Map<string, GoShape>([
    ...names.map((name) => [name, 'value'] as const),
    ...Object.entries(nested),
  ]);
  return { kind: 'struct', fields, names: new Map([...fields.keys()].map((name) => [folded(name), name])) };
}

/** A list whose items are of one shape. */
export function goList(items: GoShape): GoShape {
  return { kind: 'list', items };
}

/** A map: its keys are data and stay as they are. */
export function goMap(values: GoShape): GoShape {
  return { kind: 'map', values };
}

/**
 * The document with each field of its structs under the field's own name. A key of the very name wins over keys of another
 * case, the last of those over the others; null counts as absent beside another. Keys that no field has, and
 * values that are not of the shape, stay as they are: to refuse them is left to the reader.
 */
export function readAsGo<T>(document: T, shape: GoShape): T;
export function readAsGo(document: unknown, shape: GoShape): unknown {
  if (shape === 'value' || typeof document !== 'object' || document === null) return document;
  if (document instanceof Date) return document; // TOML has them
  if (Array.isArray(document)) {
    return shape.kind === 'list' ? document.map((item) => readAsGo<unknown>(item, shape.items)) : document;
  }
  if (shape.kind === 'struct') return withFieldNames(document, shape);
  if (shape.kind === 'list') return document;
  return Object.fromEntries(
    Object.entries(document).map(([key, item]) => [key, readAsGo<unknown>(item, shape.values)]),
  );
}

function withFieldNames(object: object, { fields, names }: Struct): unknown {
  const members = new Map<string, unknown>();
  const exact = new Set<string>();
  for (const [key, member] of Object.entries(object)) {
    const name = names.get(folded(key));
    const shape = fields.get(name ?? '');
    if (name === undefined || shape === undefined) {
      members.set(key, member);
      continue;
    }
    if (members.has(name) && (member === null || (exact.has(name) && key !== name))) continue;
    if (key === name && member !== null) exact.add(name);
    members.set(name, readAsGo<unknown>(member, shape));
  }
  return Object.fromEntries(members);
}

/**
 * A key as Go compares it: by Unicode's simple folding. Names of fields are ASCII, to which only two other characters
 * fold: the long s and the Kelvin sign.
 */
function folded(key: string): string {
  return key
    .replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
    .replaceAll('\u017f', 's')
    .replaceAll('\u212a', 'k');
}
