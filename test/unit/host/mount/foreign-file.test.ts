import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FileTooLarge, MAX_FILE_BYTES, NotRegularFile } from '../../../../src/base/regular-file';
import { readForeignText } from '../../../../src/host/mount/foreign-file';
import { HostPathError } from '../../../../src/host/mount/safe-path';
import { useFakeRoot } from '../fake-root';

const root = useFakeRoot();
const at = (name: string): string => join(root.path, name);
const ROOT = '27 1 254:0 / / rw shared:1 - ext4 /dev/vda rw';

describe.each([
  ['on a filesystem of this machine', () => undefined],
  ['on one that may not answer', () => `${ROOT}\n50 27 0:50 / ${root.path} rw - nfs4 server:/x rw\n`],
])('A file that a request names, %s', (_where, mountInfo) => {
  const read = (path: string, maxBytes?: number): Promise<string> =>
    readForeignText(path, { maxBytes, mountInfo: mountInfo() });

  it('is read through links', async () => {
    root.add({ 'real/file': 'täxt' });
    symlinkSync('real', at('link'));
    expect(await read(at('link/file'))).toBe('täxt');
  });

  it('is read up to its limit, and not a byte more', async () => {
    writeFileSync(at('file'), 'x'.repeat(MAX_FILE_BYTES));
    expect(await read(at('file'))).toHaveLength(MAX_FILE_BYTES);
    writeFileSync(at('file'), 'x'.repeat(MAX_FILE_BYTES + 1));
    await expect(read(at('file'))).rejects.toThrow(new FileTooLarge(MAX_FILE_BYTES));
    writeFileSync(at('file'), 'x'.repeat(11));
    await expect(read(at('file'), 10)).rejects.toThrow(new FileTooLarge(10));
  });

  it('may be empty', async () => {
    writeFileSync(at('file'), '');
    expect(await read(at('file'))).toBe('');
  });

  it.each(['a FIFO', 'a directory', 'a link to a FIFO', 'a link to a device'])('is not %s', async (what) => {
    execFileSync('mkfifo', [at('a FIFO')]);
    mkdirSync(at('a directory'));
    symlinkSync('a FIFO', at('a link to a FIFO'));
    symlinkSync('/dev/zero', at('a link to a device'));
    await expect(read(at(what))).rejects.toThrow(NotRegularFile);
  });

  it.each(['none', 'none/below', 'dangling'])('is missing where there is %s', async (name) => {
    symlinkSync('nowhere', at('dangling'));
    await expect(read(at(name))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('may be a circle of links, which is no file', async () => {
    symlinkSync('circle', at('circle'));
    await expect(read(at('circle'))).rejects.toThrow();
  });

  it('may be called like an option or a command', async () => {
    root.add({ '-n': 'one', '$(touch x)': 'two', 'a\nb': 'three' });
    const names = ['-n', '$(touch x)', 'a\nb'];
    expect(await Promise.all(names.map((name) => read(at(name))))).toEqual(['one', 'two', 'three']);
  });

  it('leaves the threads of Node to others, however many are FIFOs', async () => {
    execFileSync('mkfifo', [at('fifo')]);
    writeFileSync(at('other'), 'read');
    const all = Array.from({ length: 50 }, () => read(at('fifo')).catch((error: unknown) => error));
    expect(await readFile(at('other'), 'utf8')).toBe('read');
    for (const error of await Promise.all(all)) expect(error).toBeInstanceOf(NotRegularFile);
  });
});

describe('A path that a request names', () => {
  it.each(['relative', '', '/nul\0byte'])('is refused when it is %j', async (path) => {
    await expect(readForeignText(path)).rejects.toThrow(HostPathError);
  });

  it('is given up with the caller', async () => {
    root.add({ file: 'x' });
    const signal = AbortSignal.abort(new Error('gone'));
    await expect(readForeignText(at('file'), { signal })).rejects.toThrow('gone');
  });
});
