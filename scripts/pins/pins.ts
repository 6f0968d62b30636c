import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where a pinned thing comes from; `scripts/pins.txt` says what each word means. */
export const SOURCES = ['go', 'npm', 'debian', 'suite', 'image'] as const;
export type Source = (typeof SOURCES)[number];

/** A row of `scripts/pins.txt`: something that is built or fetched, in one version. */
export interface Pin {
  readonly name: string;
  readonly source: Source;
  /** The module, package or image, as its source names it. */
  readonly package: string;
  readonly version: string;
  /** Which newer versions are wanted: those that begin with it (`v2.3`: v2.3.8, not v2.4.0). Undefined: all of them. */
  readonly line: string | undefined;
}

/** The file of all pins, relative to the top of the checkout. */
export const PINS_FILE = 'scripts/pins.txt';

/** All pins of the checkout at `root`, in the file's order. Throws as `parsePins` does. */
export function readPins(root: string): Pin[] {
  return parsePins(readFileSync(join(root, PINS_FILE), 'utf8'));
}

/** The pin of that name. Throws when there is none. */
export function pinNamed(pins: readonly Pin[], name: string): Pin {
  const pin = pins.find((each) => each.name === name);
  if (!pin) throw new Error(`${PINS_FILE} has no pin "${name}"`);
  return pin;
}

/** Reads the rows `name source package version line`. Throws on a row of another form and on a name that comes twice. */
export function parsePins(text: string): Pin[] {
  const pins = text
    .split('\n')
    .filter((row) => row.trim() !== '' && !row.startsWith('#'))
    .map(toPin);
  const names = pins.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice) throw new Error(`${PINS_FILE}: ${twice} comes twice`);
  return pins;
}

function toPin(row: string): Pin {
  const cells = row.trim().split(/\s+/);
  const [name = '', source = '', what = '', version = '', line = ''] = cells;
  if (cells.length !== 5) throw new Error(`${PINS_FILE}: not name, source, package, version and line: ${row}`);
  if (!isSource(source))
    throw new Error(`${PINS_FILE}: ${name}: the source is one of ${SOURCES.join(', ')}: ${source}`);
  const pin = { name, source, package: what, version, line: line === '-' ? undefined : line };
  if (!isOfLine(pin, version)) throw new Error(`${PINS_FILE}: ${name}: ${version} is not of the line ${line}`);
  return pin;
}

function isSource(word: string): word is Source {
  return (SOURCES as readonly string[]).includes(word);
}

/** Whether a version is of the line that the pin follows: `v2.3.8` and `v2.3` are of `v2.3`, `v2.30.0` is not. */
export function isOfLine({ line }: Pick<Pin, 'line'>, version: string): boolean {
  return line === undefined || version === line || version.startsWith(`${line}.`);
}

/** The file's text with another version for that pin; every other character stays. Throws when there is no such pin. */
export function withVersion(text: string, name: string, version: string): string {
  const pin = pinNamed(parsePins(text), name);
  const rows = text.split('\n').map((row) => {
    if (row.startsWith('#') || row.trim().split(/\s+/)[0] !== name) return row;
    const at = columnOf(row, 3);
    // The column after it stays where it is as long as there is room.
    const end = at + pin.version.length;
    const blanks = /^ */.exec(row.slice(end))?.[0].length ?? 0;
    const room = Math.max(1, blanks + pin.version.length - version.length);
    return `${row.slice(0, at)}${version}${' '.repeat(room)}${row.slice(end + blanks)}`;
  });
  const changed = rows.join('\n');
  parsePins(changed);
  return changed;
}

/** Where the nth word of a row begins, counted from 0. */
function columnOf(row: string, nth: number): number {
  return [...row.matchAll(/\S+/g)][nth]?.index ?? 0;
}
