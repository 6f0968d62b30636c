import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../../..');

interface Row {
  readonly section: string;
  readonly row: string;
  readonly answer: string;
  readonly where: string;
}

function readRows(): Row[] {
  const rows: Row[] = [];
  let section = '';
  for (const line of readFileSync(join(ROOT, 'docs/parity.md'), 'utf8').split('\n')) {
    if (line.startsWith('#')) section = line.replace(/^#+ /, '');
    const cells = line.split('|').map((cell) => cell.trim());
    const [, row = '', , answer = '', where = ''] = cells;
    if (cells.length < 6 || row === 'row' || row.startsWith('---')) continue;
    rows.push({ section, row, answer, where });
  }
  return rows;
}

/** How far each section is numbered, as `<prefix>.<first>` to `<prefix>.<last>`. */
const NUMBERED: readonly (readonly [string, number, number])[] = [
  ['1', 1, 9],
  ['2', 1, 12],
  ['3', 1, 10],
  ['4', 1, 9],
  ['5', 1, 24],
  ['6', 1, 18],
  ['7', 1, 28],
  ['8.5', 1, 5],
  ['9', 1, 15],
  ['9', 20, 42],
  ['9', 50, 55],
  ['10', 1, 7],
  ['10', 20, 24],
  ['10', 30, 40],
  ['10', 50, 58],
  ['11', 1, 15],
  ['12', 1, 17],
  ['13', 1, 10],
  ['16', 1, 15],
  ['17', 1, 23],
  ['18', 1, 7],
];

/** The same for the sections beyond, whose rows are a letter and a number. */
const LETTERED: readonly (readonly [string, number])[] = [
  ['a', 11],
  ['e', 26],
];

const AREAS = 'handlers errors cni security cgroup misc images server versions'.split(' ');

const rows = readRows();
const names = rows.map(({ row }) => row);
const label = ({ section, row }: Row): string => `${section}: ${row}`;

describe('docs/parity.md', () => {
  it('answers every numbered row, once', () => {
    const expected = NUMBERED.flatMap(([prefix, first, last]) =>
      Array.from({ length: last - first + 1 }, (_, at) => `${prefix}.${first + at}`),
    );
    expect(names.filter((name) => /^\d/.test(name)).sort()).toEqual([...expected].sort());
  });

  it('answers every row of the sections beyond, once', () => {
    const expected = LETTERED.flatMap(([letter, last]) =>
      Array.from({ length: last }, (_, at) => `${letter}${at + 1}`),
    );
    const letters = LETTERED.map(([letter]) => letter).join('');
    expect(names.filter((name) => new RegExp(`^[${letters}]\\d+$`).test(name)).sort()).toEqual([...expected].sort());
  });

  it('answers every area of the configuration', () => {
    const areas = rows.filter(({ section }) => section.startsWith('20.')).map(({ row }) => row);
    expect(AREAS.filter((area) => !areas.includes(area))).toEqual([]);
  });

  it('knows three answers', () => {
    const others = rows.filter(({ answer }) => !['done', 'differs on purpose', 'not yet'].includes(answer));
    expect(others.map(label)).toEqual([]);
  });

  it('names files that exist', () => {
    const paths = rows.flatMap(({ where }) =>
      [...where.matchAll(/`([^`]*\/[^`]*\.\w+)`/g)].map(([, path = '']) => path),
    );
    expect(paths.length).toBeGreaterThan(200);
    expect([...new Set(paths)].filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('says of what is done where it is and what shows it', () => {
    const done = rows.filter(({ answer }) => answer === 'done');
    expect(done.filter(({ where }) => !/`(src|protos|README)[^`]*`/.test(where)).map(label)).toEqual([]);
    expect(done.filter(({ where }) => !/`test\/|critest|no test yet/.test(where)).map(label)).toEqual([]);
  });

  it('says of everything else why', () => {
    expect(rows.filter(({ answer, where }) => answer !== 'done' && where.length < 15).map(label)).toEqual([]);
  });
});
