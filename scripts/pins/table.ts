import type { Newer } from './newer';
import type { Pin } from './pins';

/** What was found out about a pin. */
export type Found = Newer | { readonly unreachable: string } | 'not asked';

/** A plain table, a row for each pin: its version, the newest of its line, the newest of all. */
export function pinTable(rows: readonly { readonly pin: Pin; readonly found: Found }[]): string {
  return columns([
    ['pin', 'version', 'newer in its line', 'newer beyond', 'from'],
    ...rows.map(({ pin, found }) => [pin.name, pin.version, ...cellsOf(pin, found), `${pin.source} ${pin.package}`]),
  ]);
}

function cellsOf(pin: Pin, found: Found): [string, string] {
  if (found === 'not asked') return ['not asked', ''];
  if ('unreachable' in found) return ['no answer', ''];
  const line = pin.line === undefined ? '' : ` (${pin.line})`;
  return [found.inLine === undefined ? '-' : `${found.inLine}${line}`, found.beyond ?? '-'];
}

/** Cells under each other, two blanks apart, without blanks at the end of a line. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
