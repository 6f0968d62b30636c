import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFilesLimit } from '../../../../src/host/process/open-files';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'crisp-limits-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('The limit of open files', () => {
  it('of this process is what the shell that it starts has', async () => {
    const shell = execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
    expect(await openFilesLimit()).toBe(shell === 'unlimited' ? Number.POSITIVE_INFINITY : Number(shell));
  });

  it.each([
    ['Max open files            1024                 524288               files', 1024],
    ['Max open files            unlimited            unlimited            files', Number.POSITIVE_INFINITY],
    ['Max processes             64                   64                   processes', Number.POSITIVE_INFINITY],
  ])('is the soft one: %s', async (line, expected) => {
    const path = join(dir, 'limits');
    writeFileSync(path, `Limit                     Soft Limit           Hard Limit           Units\n${line}\n`);
    expect(await openFilesLimit(path)).toBe(expected);
  });

  it('is none where it cannot be read', async () => {
    expect(await openFilesLimit(join(dir, 'nothing'))).toBe(Number.POSITIVE_INFINITY);
  });
});
