import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { checkLog } from '../../support/node/log-check';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'crisp-log-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** A file with these rows, a second apart. */
function file(name: string, rows: readonly string[], { from = 0, end = '\n' } = {}): string {
  const path = join(dir, name);
  const text = rows.map((row, i) => `2026-01-01T00:00:${String(from + i).padStart(2, '0')}.000000000Z ${row}`);
  writeFileSync(path, text.join('\n') + end);
  return path;
}

const out = (at: number, of: number): string => `stdout F line ${at} of ${of}`;
const RIGHT = { torn: 0, disordered: 0, lost: 0, backwards: 0 };

describe('The look at a log', () => {
  it('finds nothing wrong with a whole one', () => {
    const path = file('whole', [out(1, 3), out(2, 3), out(3, 3)]);
    expect(checkLog(path, { whole: true })).toEqual({ ...RIGHT, lines: 3, end: expect.stringMatching(/line 3 of 3$/) });
  });

  it('joins the files of one that was rotated, and the rows of a long line', () => {
    const first = file('0', [out(1, 3), 'stdout P line 2 of 3 6 xx', 'stdout P xx']);
    const second = file('1', ['stdout F xx', out(3, 3)], { from: 3 });
    expect(checkLog([first, second], { whole: true })).toMatchObject({ ...RIGHT, lines: 5 });
  });

  it('counts each stream by itself', () => {
    const path = file('both', [out(1, 2), 'stderr F line 1 of 2', 'stderr F line 2 of 2', out(2, 2)]);
    expect(checkLog(path, { whole: true, streams: ['stdout', 'stderr'] })).toMatchObject(RIGHT);
    expect(checkLog(path, { whole: true })).toMatchObject({ ...RIGHT, torn: 2 });
  });

  it.each([
    ['a gap', [out(1, 3), out(3, 3)], { lost: 1 }],
    ['no end', [out(1, 3), out(2, 3)], { lost: 1 }],
    ['nothing', [], { lost: 1 }],
    ['a line twice', [out(1, 2), out(2, 2), out(2, 2)], { disordered: 1 }],
    ['a row of another form', [out(1, 2), 'stdout line 2', out(2, 2)], { torn: 1 }],
    ['a long line that is cut', ['stdout P line 1 of 2 6 xx', 'stdout F xxx', out(2, 2)], { torn: 1 }],
    ['a long line without its end', [out(1, 2), out(2, 2), 'stdout P line'], { torn: 1 }],
  ])('finds %s', (_, rows, problems) => {
    const path = file('log', rows, rows.length === 0 ? { end: '' } : {});
    expect(checkLog(path, { whole: true })).toMatchObject({ ...RIGHT, ...problems });
  });

  it('finds a last row that is not whole, and times that go back', () => {
    expect(checkLog(file('torn', [out(1, 1)], { end: '' }), { whole: false })).toMatchObject({ torn: 1 });
    const files = [file('late', [out(1, 2)], { from: 9 }), file('early', [out(2, 2)], { from: 3 })];
    expect(checkLog(files, { whole: true })).toMatchObject({ ...RIGHT, backwards: 1 });
  });

  it('lets a log begin anew as often as a start was not answered', () => {
    const path = file('anew', [out(1, 2), out(1, 2), out(2, 2)]);
    expect(checkLog(path, { whole: true, restarts: 1 })).toMatchObject(RIGHT);
    expect(checkLog(path, { whole: true })).toMatchObject({ ...RIGHT, disordered: 1 });
  });

  it('says nothing of the end of a container that was killed', () => {
    expect(checkLog(file('killed', [out(1, 9)]), { whole: false })).toMatchObject(RIGHT);
  });
});
