import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type LookOptions, resolveHostPath, resolveHostPaths } from '../../../../src/host/mount/safe-path';
import { useFakeRoot } from '../fake-root';

const root = useFakeRoot();
const at = (name: string): string => join(root.path, name);

/** Where nothing is known to be of this machine, a child process looks. */
const WAYS: readonly [string, LookOptions][] = [
  ['here', {}],
  ['in a child process', { mountInfo: '' }],
];

describe.each(WAYS)('resolveHostPaths, %s', (_, how) => {
  it('tells what each path is, in the order asked, links resolved', async () => {
    root.add({ file: '', 'dir/x': '' });
    symlinkSync('dir', at('link'));
    symlinkSync('/nowhere/at/all', at('dangling'));
    const paths = [
      at('link/x'),
      '/dev/null',
      at('missing/deep'),
      at('link'),
      at('file'),
      at('dangling'),
      at('link/none'),
      at('file'),
    ];
    expect(
      await resolveHostPaths(
        paths.map((path) => ({ path })),
        how,
      ),
    ).toEqual([
      { path: at('dir/x'), kind: 'file' },
      { path: '/dev/null', kind: 'character' },
      { path: at('missing/deep'), kind: 'missing' },
      { path: at('dir'), kind: 'directory' },
      { path: at('file'), kind: 'file' },
      { path: '/nowhere/at/all', kind: 'missing' },
      { path: at('dir/none'), kind: 'missing' },
      { path: at('file'), kind: 'file' },
    ]);
    expect(await resolveHostPaths([], how)).toEqual([]);
  });

  it('makes the directories it is asked to make, and no other', async () => {
    root.add({ file: '' });
    mkdirSync(at('kept'));
    chmodSync(at('kept'), 0o700);
    const before = process.umask(0o077);
    const asked = [
      { path: at('no') },
      { path: at('new/deep'), create: true },
      { path: at('file'), create: true },
      { path: at('kept'), create: true },
    ];
    const found = await resolveHostPaths(asked, how).finally(() => process.umask(before));
    expect(found.map(({ kind }) => kind)).toEqual(['missing', 'directory', 'file', 'directory']);
    expect([at('new'), at('new/deep'), at('kept')].map((path) => statSync(path).mode & 0o777)).toEqual([
      0o755, 0o755, 0o700,
    ]);
    expect(readdirSync(root.path).sort()).toEqual(['file', 'kept', 'new']);
  });

  it.each(['a b', '$(touch x)', "'; touch x; '", '-e', 'line\nbreak', '*', '\\0\\n%s', 'end\n', '.. x'])(
    'takes the name %j as it is',
    async (name) => {
      mkdirSync(at(name));
      expect(await resolveHostPath(at(name), how)).toEqual({ path: at(name), kind: 'directory' });
      expect(await resolveHostPath(`${at(name)}/made`, { ...how, create: true })).toEqual({
        path: `${at(name)}/made`,
        kind: 'directory',
      });
      expect(readdirSync(root.path)).toEqual([name]);
    },
  );

  it('says why a directory cannot be made', async () => {
    root.add({ file: '' });
    await expect(resolveHostPath(at('file/below'), { ...how, create: true })).rejects.toThrow('Not a directory');
  });

  it('finds nothing behind links that go round, and makes nothing there', async () => {
    symlinkSync('loop', at('loop'));
    expect(await resolveHostPath(at('loop/x'), how)).toMatchObject({ kind: 'missing' });
    await expect(resolveHostPath(at('loop/x'), { ...how, create: true })).rejects.toThrow('loop');
    expect(readdirSync(root.path)).toEqual(['loop']);
  });

  it.each(['relative', '', './x', '/a\0b'])('refuses %j', async (path) => {
    await expect(resolveHostPath(path, how)).rejects.toThrow('is no absolute path');
  });
});

describe('resolveHostPaths', () => {
  it('gives up a child process after its deadline, or with its caller', async () => {
    const paths = Array.from({ length: 2000 }, () => ({ path: '/usr/lib' }));
    const mountInfo = '';
    const late = resolveHostPaths(paths, { timeoutMs: 1, mountInfo });
    await expect(late).rejects.toMatchObject({ name: 'HostPathError' });
    const gone = new AbortController();
    const asked = resolveHostPaths(paths, { signal: gone.signal, mountInfo });
    gone.abort(new Error('caller gone'));
    await expect(asked).rejects.toThrow('caller gone');
  });
});
