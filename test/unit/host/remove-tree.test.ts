import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeTreeNow } from '../../../src/host/mount/tree-calls';
import { useFakeRoot } from './fake-root';

const root = useFakeRoot();
const at = (...names: string[]): string => join(root.path, ...names);
const remove = (): string[] => {
  const detached: string[] = [];
  removeTreeNow(at('top'), root.path, (path) => void detached.push(path));
  return detached;
};

describe('A directory that a container has filled is removed', () => {
  beforeEach(() => mkdirSync(at('top')));

  it('with directories deeper than a path can be', () => {
    // 3000 of 200 bytes: 600 KB, where the kernel takes 4 KiB of a path.
    const script = 'import os\nfor _ in range(3000):\n  os.mkdir("d" * 200); os.chdir("d" * 200)\nopen("file", "w")';
    execFileSync('python3', ['-c', script], { cwd: at('top') });
    remove();
    expect(existsSync(at('top'))).toBe(false);
  });

  it('with more entries than are held in memory', () => {
    for (let i = 0; i < 2001; i++) writeFileSync(at('top', String(i)), '');
    remove();
    expect(existsSync(at('top'))).toBe(false);
  });

  it('with names that are no UTF-8', () => {
    for (const dir of [Buffer.from(`${at('top')}/a\xff`, 'latin1'), Buffer.from(`${at('top')}/b\xfe`, 'latin1')]) {
      mkdirSync(dir);
      writeFileSync(Buffer.concat([dir, Buffer.from('/\xc3', 'latin1')]), '');
      writeFileSync(Buffer.concat([dir, Buffer.from('/plain')]), '');
    }
    writeFileSync(Buffer.from(`${at('top')}/\x80`, 'latin1'), '');
    remove();
    expect(existsSync(at('top'))).toBe(false);
  });

  it('and what links lead to stays', () => {
    root.add({ 'kept/file': 'x' });
    symlinkSync('../kept', at('top/link'));
    remove();
    expect(existsSync(at('kept/file'))).toBe(true);
  });

  it('once what is mounted in it is detached, from the top down', () => {
    mkdirSync(at('top/a/b'), { recursive: true });
    expect(remove().filter((path) => !path.endsWith('file'))).toEqual([at('top'), at('top/a'), at('top/a/b')]);
  });
});
