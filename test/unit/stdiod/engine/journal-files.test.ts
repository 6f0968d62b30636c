import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { JOURNAL_BYTES, Journal } from '../../../../src/stdiod/engine/journal';
import { JournalFiles } from '../../../../src/stdiod/engine/journal-files';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'crisp-journals-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** A journal as of a process that was killed in a move of a container. */
function killedIn(id: string, name: string): void {
  const memory = Buffer.alloc(JOURNAL_BYTES);
  new Journal(memory).owner = '7/task/9';
  const killed = (): never => {
    throw new Error('killed');
  };
  expect(() => new Journal(memory).move({ id, stream: 'stdout', taken: 1, lastByte: 10 }, killed, killed)).toThrow(
    'killed',
  );
  // Before the write there is nothing to finish without a log: the take is under way.
  expect(() => new Journal(memory).take({ taken: 1, lastByte: 10 }, killed)).toThrow('killed');
  writeFileSync(join(dir, name), memory);
}

const unfinished = (name: string): string | undefined => new Journal(readFileSync(join(dir, name))).unfinished()?.id;
const of = (...noted: string[]): JournalFiles => new JournalFiles(dir, new Set(noted));

describe('Journals', () => {
  it('are each of one thread at a time', () => {
    const files = of();
    const [first, second] = [files.take(), files.take()];
    expect([first, second]).toEqual([join(dir, 'journal'), join(dir, 'journal-1')]);
    files.give(first);
    expect([files.take(), files.take()]).toEqual([first, join(dir, 'journal-2')]);
  });

  it('with an unfinished move are of no thread until that is finished', () => {
    killedIn('web', 'journal');
    const files = of('web');
    const left = { path: join(dir, 'journal'), owner: '7/task/9' };
    expect([files.leftBy('web'), files.leftBy('other')]).toEqual([left, undefined]);
    expect([files.take(), files.spare()]).toEqual([join(dir, 'journal-1'), undefined]);
    files.finished('web');
    expect([files.leftBy('web'), files.spare(), unfinished('journal')]).toEqual([
      undefined,
      join(dir, 'journal'),
      'web', // it is the one who opens the container who clears it
    ]);
  });

  it('forget the move of a container that will not be opened', () => {
    killedIn('gone', 'journal');
    killedIn('web', 'journal-1');
    const files = of('web');
    expect([unfinished('journal'), unfinished('journal-1')]).toEqual([undefined, 'web']);
    files.forget('web');
    expect([unfinished('journal-1'), files.leftBy('web')]).toEqual([undefined, undefined]);
  });

  it('that were never written to, or are something else, are taken', () => {
    writeFileSync(join(dir, 'journal'), '');
    expect(of('web').take()).toBe(join(dir, 'journal'));
  });
});
