import { schema } from './schema';
import { isSetting, isTables, type Setting, type Shape, type TablesSetting } from './setting';

interface Table {
  /** Path of the table in TOML; empty for the top level. */
  readonly path: string;
  readonly doc: string;
  /** Its own keys, without the tables in it. */
  readonly settings: readonly { key: string; setting: Setting<unknown>; initial: unknown }[];
}

/** A complete configuration file: every key with its default and a comment. Reading it gives the defaults. */
export function defaultToml(): string {
  const blocks = tablesOf(schema, { path: '', doc: '', values: {} }).map(({ path, doc, settings }) => {
    const head = [...(doc === '' ? [] : [`# ${doc}`]), ...(path === '' ? [] : [`[${path}]`])];
    const keys = settings.flatMap(({ key, setting, initial }) => [`# ${setting.doc}`, `${key} = ${toToml(initial)}`]);
    return [...head, ...keys].join('\n');
  });
  return `# The configuration of crisp. Every key is optional; what stands here is its default.\n\n${blocks.join('\n\n')}\n`;
}

/** `docs/config.md`: the same, as one table of keys per TOML table. */
export function configDocs(): string {
  const sections = tablesOf(schema, { path: '', doc: '', values: {} }, '<name>').map(({ path, doc, settings }) => {
    const rows = settings.map(({ key, setting, initial }) =>
      ['', `\`${key}\``, `\`${toToml(initial)}\``, setting.accepts, setting.doc, ''].join(' | ').trim(),
    );
    const title = path === '' ? '## Top level' : `## \`[${path}]\``;
    const table = rows.length === 0 ? [] : ['| key | default | accepts | meaning |', '|---|---|---|---|', ...rows];
    return [title, ...(doc === '' ? [] : ['', doc]), ...(table.length === 0 ? [] : ['', ...table])].join('\n');
  });
  return `${INTRODUCTION}\n${sections.join('\n\n')}\n`;
}

const INTRODUCTION = `# Configuration

Written by \`crisp config docs\` from \`src/config/schema.ts\`; do not edit.

crisp reads one TOML file: the one that \`--config\` names, else \`/etc/crisp/config.toml\` if it exists. A flag wins over
the file, the file over the default. A key that is not listed here is refused, and so is a value of the wrong kind; the
message names the path of the key. \`crisp config check --config FILE\` reads a file as the server would,
\`crisp config default\` prints one with every key, \`crisp config convert\` one made from containerd's own, of any version.

| flag of \`crisp serve\` | key |
|---|---|
| \`--listen\` | \`listen\` |
| \`--containerd\` | \`containerd.address\` |
| \`--root\` | \`root\` |
| \`--state\` | \`state\` |
| \`--log-level\` | \`log.level\` |
`;

interface Place {
  readonly path: string;
  readonly doc: string;
  /** Values that stand for the settings' own defaults here: those of a named table. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** Every table, each before the ones in it. A map of tables appears once per name it has by default, or as `anyName`. */
function tablesOf(shape: Shape, place: Place, anyName?: string): Table[] {
  const inner = (key: string): string => (place.path === '' ? key : `${place.path}.${key}`);
  const settings: Table['settings'][number][] = [];
  const below: Table[] = [];
  for (const [key, entry] of Object.entries(shape)) {
    if (!isSetting(entry)) {
      below.push(...tablesOf(entry, { path: inner(key), doc: '', values: {} }, anyName));
    } else if (isTables(entry)) {
      below.push(...namedTables(entry, inner(key), anyName));
    } else if (entry.accepts === 'table') {
      below.push({ path: inner(key), doc: entry.doc, settings: [] });
    } else {
      settings.push({ key, setting: entry, initial: place.values[key] ?? entry.initial });
    }
  }
  return [{ path: place.path, doc: place.doc, settings }, ...below];
}

function namedTables({ shape, tables, doc }: TablesSetting<Shape>, path: string, anyName?: string): Table[] {
  const names = anyName === undefined ? Object.keys(tables) : [anyName];
  return names.flatMap((name) =>
    tablesOf(shape, { path: `${path}.${name}`, doc, values: tables[name] ?? {} }, anyName),
  );
}

/** Our defaults are texts, numbers, booleans and lists of texts: JSON writes these as TOML does. */
function toToml(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(toToml).join(', ')}]` : JSON.stringify(value);
}
