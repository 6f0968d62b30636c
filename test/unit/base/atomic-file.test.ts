import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { removeTorn, writeFileAtomic } from '../../../src/base/atomic-file';

describe('writeFileAtomic', () => {
  let dir: string;
  let path: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'crisp-atomic-'));
    path = join(dir, 'file');
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const modeOf = (file: string): number => statSync(file).mode & 0o777;

  it('writes text, readable by the owner alone', async () => {
    await writeFileAtomic(path, 'grüße');
    expect(readFileSync(path, 'utf8')).toBe('grüße');
    expect(modeOf(path)).toBe(0o600);
    expect(readdirSync(dir)).toEqual(['file']);
  });

  it('writes bytes with the mode that was asked for, whatever the umask', async () => {
    const bytes = Buffer.from([0, 255, 10]);
    const before = process.umask(0o077);
    await writeFileAtomic(path, bytes, { mode: 0o640 }).finally(() => process.umask(before));
    expect(readFileSync(path)).toEqual(bytes);
    expect(modeOf(path)).toBe(0o640);
  });

  it('replaces a file as a whole, its mode as well', async () => {
    writeFileSync(path, 'a long text that was there before');
    chmodSync(path, 0o644);
    await writeFileAtomic(path, 'new');
    expect([readFileSync(path, 'utf8'), modeOf(path)]).toEqual(['new', 0o600]);
  });

  it('makes the directories that are not there, for the owner alone', async () => {
    const deep = join(dir, 'a/b/file');
    await writeFileAtomic(deep, 'x');
    expect(readFileSync(deep, 'utf8')).toBe('x');
    expect([modeOf(dirname(deep)), modeOf(join(dir, 'a'))]).toEqual([0o700, 0o700]);
  });

  it('leaves nothing behind when the file cannot be put in its place', async () => {
    mkdirSync(join(path, 'in-the-way'), { recursive: true });
    await expect(writeFileAtomic(path, 'x')).rejects.toMatchObject({ code: expect.stringMatching(/EISDIR|ENOTEMPTY/) });
    expect(readdirSync(dir)).toEqual(['file']);
    expect(existsSync(join(path, 'in-the-way'))).toBe(true);
  });

  it('rejects when there is a file where a directory must be', async () => {
    writeFileSync(path, 'x');
    await expect(writeFileAtomic(join(path, 'below'), 'y')).rejects.toMatchObject({
      code: expect.stringMatching(/ENOTDIR|EEXIST/),
    });
    expect(readdirSync(dir)).toEqual(['file']);
  });

  it('leaves one of the texts, whole, when many write at once', async () => {
    const texts = Array.from({ length: 20 }, (_, index) => String(index).repeat(10_000));
    await Promise.all(texts.map((text) => writeFileAtomic(path, text)));
    expect(texts).toContain(readFileSync(path, 'utf8'));
    expect(readdirSync(dir)).toEqual(['file']);
  });

  it('removeTorn removes what a process before this one was writing, and nothing else', async () => {
    const names = ['file', 'file.0123456789ab.tmp', 'other.tmp', 'young.0123456789ab.tmp'];
    for (const name of names) {
      writeFileSync(join(dir, name), '');
      utimesSync(join(dir, name), 1, name.startsWith('young') ? Date.now() / 1000 : 1);
    }
    await removeTorn(dir);
    expect(readdirSync(dir).sort()).toEqual(['file', 'other.tmp', 'young.0123456789ab.tmp']);
    await removeTorn(join(dir, 'absent'));
  });
});
