import { execFileSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { readRootfsFile } from '../../../src/host/files/user-lookup';
import { copyImageVolume } from '../../../src/host/mount/image-volume';
import { resolveInRoot } from '../../../src/host/mount/in-root';
import { MEANS, useTempDir } from './temp';

const dir = useTempDir();
const rootfs = (...names: string[]): string => join(dir.path, 'rootfs', ...names);

beforeEach(() => {
  mkdirSync(rootfs('real', 'etc', 'deep'), { recursive: true });
  writeFileSync(rootfs('real', 'etc', 'passwd'), 'root:x:0:0::/:\n');
  symlinkSync('/real/etc', rootfs('etc'));
  mkdirSync(join(dir.path, 'secret'));
  writeFileSync(join(dir.path, 'secret', 'file'), 'host');
  symlinkSync('../../secret', rootfs('up'));
  symlinkSync(join(dir.path, 'secret'), rootfs('absolute'));
  symlinkSync('loop', rootfs('loop'));
  symlinkSync('../../../../../../real/etc', rootfs('clamped'));
});

describe.each(MEANS)('with %s', (_, means) => {
  it.each([
    ['/etc/passwd', { path: 'real/etc/passwd', kind: 'file' }],
    ['etc/passwd', { path: 'real/etc/passwd', kind: 'file' }],
    ['/etc', { path: 'real/etc', kind: 'directory' }],
    ['/etc/deep/../passwd', { path: 'real/etc/passwd', kind: 'file' }],
    ['/etc/../..', { path: '', kind: 'directory' }],
    ['/../../..', { path: '', kind: 'directory' }],
    ['/', { path: '', kind: 'directory' }],
    ['', { path: '', kind: 'directory' }],
    ['/clamped/./passwd', { path: 'real/etc/passwd', kind: 'file' }],
    ['/up/file', undefined],
    ['/absolute/file', undefined],
    ['/nothing/at/all', undefined],
    ['/etc/passwd/below', undefined],
  ])('resolveInRoot finds %j inside only', async (path, expected) => {
    const found = expected && { ...expected, path: rootfs(expected.path).replace(/\/$/, '') };
    expect(await resolveInRoot(rootfs(), path, means)).toEqual(found);
  });

  it('resolveInRoot refuses a loop of links, and leaves no descriptor open', async () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    await expect(resolveInRoot(rootfs(), '/loop', means)).rejects.toThrow('ELOOP');
    await resolveInRoot(rootfs(), '/clamped/../etc/deep', means);
    await resolveInRoot(rootfs(), '/up/file', means);
    expect(open()).toBe(before);
  });

  it('readRootfsFile reads a regular file inside, through links', async () => {
    expect((await readRootfsFile(rootfs(), '/etc/passwd', undefined, means))?.toString()).toBe('root:x:0:0::/:\n');
    expect(await readRootfsFile(rootfs(), '/etc/group', undefined, means)).toBeUndefined();
    expect(await readRootfsFile(rootfs(), '/up/file', undefined, means)).toBeUndefined();
  });

  it.each([
    ['a FIFO', (path: string) => execFileSync('mkfifo', [path])],
    ['a device', (path: string) => execFileSync('mknod', [path, 'c', '1', '5'])],
    ['a directory', (path: string) => mkdirSync(path)],
  ])('readRootfsFile refuses %s, and does not open it', async (_name, make) => {
    make(rootfs('real', 'etc', 'group'));
    await expect(readRootfsFile(rootfs(), '/etc/group', undefined, means)).rejects.toThrow(
      '"/etc/group" in the image is not a regular file',
    );
  });

  it('readRootfsFile refuses a file over its limit, sparse or not, and reads one just at it', async () => {
    const path = rootfs('real', 'etc', 'group');
    writeFileSync(path, '');
    truncateSync(path, 4 * 1024 ** 3);
    await expect(readRootfsFile(rootfs(), '/etc/group', undefined, means)).rejects.toThrow(
      '"/etc/group" in the image is larger than 1048576 bytes',
    );
    truncateSync(path, 100);
    await expect(readRootfsFile(rootfs(), '/etc/group', 99, means)).rejects.toThrow('larger');
    expect((await readRootfsFile(rootfs(), '/etc/group', 100, means))?.length).toBe(100);
  });

  it('copyImageVolume copies content, owners, modes and links, and the directory itself', async () => {
    mkdirSync(rootfs('data', 'sub'), { recursive: true, mode: 0o750 });
    writeFileSync(rootfs('data', 'sub', 'file'), 'x', { mode: 0o640 });
    chownSync(rootfs('data', 'sub', 'file'), 1234, 4321);
    chownSync(rootfs('data'), 55, 66);
    symlinkSync('/etc/shadow', rootfs('data', 'link'));
    const target = join(dir.path, 'target');
    mkdirSync(target);
    expect(await copyImageVolume({ rootfs: rootfs(), path: '/data' }, target, {}, means)).toBe(true);
    expect(statSync(target)).toMatchObject({ uid: 55, gid: 66 });
    const file = statSync(join(target, 'sub', 'file'));
    expect([file.uid, file.gid, file.mode & 0o777]).toEqual([1234, 4321, 0o640]);
    expect(lstatSync(join(target, 'link')).isSymbolicLink()).toBe(true);
    expect(readlinkSync(join(target, 'link'))).toBe('/etc/shadow');
  });

  it.each(['/up', '/absolute', '/../../secret', '/none'])('copyImageVolume copies nothing for %s', async (path) => {
    const target = join(dir.path, 'target');
    mkdirSync(target);
    expect(await copyImageVolume({ rootfs: rootfs(), path }, target, {}, means)).toBe(false);
    expect(readdirSync(target)).toEqual([]);
  });

  it('copyImageVolume refuses a file, and says when it cannot write', async () => {
    await expect(copyImageVolume({ rootfs: rootfs(), path: '/etc/passwd' }, dir.path, {}, means)).rejects.toThrow(
      'is not a directory',
    );
    const missing = join(dir.path, 'no', 'such');
    await expect(copyImageVolume({ rootfs: rootfs(), path: '/etc' }, missing, {}, means)).rejects.toThrow(
      'No such file',
    );
    expect(existsSync(missing)).toBe(false);
    expect(readFileSync(rootfs('etc', '..', 'real', 'etc', 'passwd'), 'utf8')).toContain('root');
  });
});
