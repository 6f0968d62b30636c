import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');

/** docs/security.md as it is in this checkout. */
export const SECURITY_DOC = readFileSync(join(ROOT, 'docs/security.md'), 'utf8');

/** A row of a table, cell by cell, without the bars; `\|` is a bar within a cell. */
export type Row = readonly string[];

/** What stands below a heading of docs/security.md, headings of lower rank included. Throws when there is no such heading. */
export function sectionOf(heading: string): string {
  const lines = SECURITY_DOC.split('\n');
  const begin = lines.findIndex((line) => line.replace(/^#+ /, '') === heading && line.startsWith('#'));
  if (begin < 0) throw new Error(`docs/security.md has no heading "${heading}"`);
  const rank = (line: string): number => /^(#+) /.exec(line)?.[1]?.length ?? Number.POSITIVE_INFINITY;
  const own = rank(lines[begin] ?? '');
  const length = lines.slice(begin + 1).findIndex((line) => rank(line) <= own);
  return lines.slice(begin + 1, length < 0 ? undefined : begin + 1 + length).join('\n');
}

/** The rows of all tables below a heading, without the heads of the tables. */
export function rowsOf(heading: string): Row[] {
  return sectionOf(heading)
    .split(/^(?!\|)/m)
    .map((block) => block.split('\n').filter((line) => line.startsWith('|')))
    .flatMap((table) => table.slice(2))
    .map((row) => row.split(/(?<!\\)\|/).slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll('\\|', '|')));
}

/** What stands between backquotes, piece by piece. */
export const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, each = '']) => each);

/** The text of a file of the checkout; undefined when there is none. */
export function fileText(path: string): string | undefined {
  const file = join(ROOT, path);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
