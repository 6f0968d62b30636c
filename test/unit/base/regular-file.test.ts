import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  FileTooLarge,
  isOddEntry,
  MAX_FILE_BYTES,
  NotRegularFile,
  readRegularFile,
} from '../../../src/base/regular-file';

describe('readRegularFile', () => {
  let dir = '';
  const at = (name: string): string => join(dir, name);
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'crisp-regular-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it.each([MAX_FILE_BYTES, 10])('reads a file of %d bytes, and not one of a byte more', async (limit) => {
    writeFileSync(at('file'), Buffer.alloc(limit, 1));
    expect((await readRegularFile(at('file'), limit)).equals(Buffer.alloc(limit, 1))).toBe(true);
    writeFileSync(at('file'), Buffer.alloc(limit + 1));
    const error = await readRegularFile(at('file'), limit).catch((thrown: unknown) => thrown);
    expect(error).toEqual(new FileTooLarge(limit));
    expect(isOddEntry(error)).toBe(true);
  });

  it('has the limit of a megabyte unless its reader says otherwise', async () => {
    writeFileSync(at('file'), Buffer.alloc(MAX_FILE_BYTES + 1));
    await expect(readRegularFile(at('file'))).rejects.toThrow(FileTooLarge);
  });

  it('follows a link', async () => {
    writeFileSync(at('file'), 'content');
    symlinkSync('file', at('link'));
    expect((await readRegularFile(at('link'))).toString()).toBe('content');
  });

  it.each(['a FIFO', 'a directory', 'a link to a FIFO', 'a link to a device'])('does not read %s', async (what) => {
    execFileSync('mkfifo', [at('a FIFO')]);
    mkdirSync(at('a directory'));
    symlinkSync('a FIFO', at('a link to a FIFO'));
    symlinkSync('/dev/zero', at('a link to a device'));
    await expect(readRegularFile(at(what))).rejects.toThrow(NotRegularFile);
  });

  it('takes a file of the kernel, which may have no end, as empty', async () => {
    expect(await readRegularFile('/proc/self/mountinfo')).toHaveLength(0);
  });
});
