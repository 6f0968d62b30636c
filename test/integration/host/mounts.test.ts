import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { makeDir, removeTree } from '../../../src/host/mount/dirs';
import { isMountPoint, mountInfo, mountOf, propagationsOf } from '../../../src/host/mount/mount-info';
import { bindMount, mountAll, mountTmpfs, unmount } from '../../../src/host/mount/mounts';
import { SPAWNED_TOOLS } from '../../../src/host/syscall/syscalls';
import { MEANS, useTempDir } from './temp';

const TMPFS_MAGIC = 0x01021994;
const dir = useTempDir();
const sub = (...names: string[]): string => {
  const path = join(dir.path, ...names);
  mkdirSync(path, { recursive: true });
  return path;
};
const layer = (name: string, file: string): string => {
  writeFileSync(join(sub(name), file), name);
  return join(dir.path, name);
};

describe.each(MEANS)('with %s', (_, means) => {
  it('mountTmpfs gives a shm of the asked size, mode and flags', async () => {
    const shm = sub('shm');
    await mountTmpfs(
      shm,
      { sizeBytes: 64 << 20, mode: 0o1777, options: ['noexec', 'nosuid', 'nodev'], source: 'shm' },
      means,
    );
    const { bsize, blocks, type } = statfsSync(shm);
    expect({ type, bytes: bsize * blocks, mode: statSync(shm).mode & 0o7777 }).toEqual({
      type: TMPFS_MAGIC,
      bytes: 64 << 20,
      mode: 0o1777,
    });
    const entry = mountOf(await mountInfo(), shm);
    expect(entry).toMatchObject({ source: 'shm', type: 'tmpfs' });
    expect(entry?.options).toEqual(expect.arrayContaining(['nosuid', 'nodev', 'noexec']));
    expect(await isMountPoint(shm)).toBe(true);
    expect(await unmount(shm, {}, means)).toBe(true);
    expect(await unmount(shm, {}, means)).toBe(false);
    expect(await unmount(join(dir.path, 'absent'), {}, means)).toBe(false);
  });

  it('unmount takes everything stacked on one point, lazily also what is in use', async () => {
    const at = sub('at');
    await mountTmpfs(at, { sizeBytes: 4096, mode: 0o755 }, means);
    await mountTmpfs(at, { sizeBytes: 4096, mode: 0o755 }, means);
    await bindMount(sub('inner'), sub('at', 'x'), {}, means);
    await expect(unmount(at, {}, means)).rejects.toThrow(/EBUSY|busy/);
    expect(await unmount(at, { lazy: true }, means)).toBe(true);
    expect(await isMountPoint(at)).toBe(false);
  });

  it('bindMount read-only refuses writes through it', async () => {
    const source = layer('source', 'file');
    const target = sub('target');
    await bindMount(source, target, { readonly: true }, means);
    expect(() => writeFileSync(join(target, 'new'), '')).toThrow(/EROFS/);
    expect(readFileSync(join(target, 'file'), 'utf8')).toBe('source');
    await unmount(target, {}, means);
  });

  it('mountAll mounts an overlay, writable, or for looking only without touching its work directory', async () => {
    const [lower, upper, work, target] = [layer('lower', 'a'), layer('upper', 'b'), sub('work'), sub('target')];
    const options = [`workdir=${work}`, `upperdir=${upper}`, `lowerdir=${lower}`];
    const mount = { type: 'overlay', source: 'overlay', target: '', options };
    await mountAll([mount], target, { readonly: false }, means);
    writeFileSync(join(target, 'c'), '');
    await unmount(target, {}, means);
    expect(readdirSync(upper).sort()).toEqual(['b', 'c']);
    await mountAll([mount], target, { readonly: true }, means);
    expect(readdirSync(target).sort()).toEqual(['a', 'b', 'c']);
    expect(() => writeFileSync(join(target, 'd'), '')).toThrow(/EROFS/);
    await unmount(target, {}, means);
  });

  it('mountAll mounts an overlay of more layers than one page of options holds', async () => {
    const names = Array.from({ length: 64 }, (_, index) => `${'x'.repeat(80)}/${index}/fs`);
    const lower = names.map((name, index) => layer(name, `f${index}`)).join(':');
    const target = sub('target');
    const before = process.cwd();
    await mountAll(
      [{ type: 'overlay', source: 'overlay', target: '', options: [`lowerdir=${lower}`] }],
      target,
      { readonly: true },
      means,
    );
    expect(process.cwd()).toBe(before);
    expect(readdirSync(target)).toHaveLength(64);
    await unmount(target, {}, means);
  });

  it('mountAll takes away what it had mounted when a later one fails, and nothing else', async () => {
    const target = sub('target');
    await mountTmpfs(target, { sizeBytes: 65_536, mode: 0o755 }, means);
    mkdirSync(join(target, 'x'));
    const good = { type: 'tmpfs', source: 'tmpfs', target: 'x', options: [] };
    const bad = { type: 'nosuchfs', source: 'none', target: '', options: [] };
    await expect(mountAll([good, bad], target, { readonly: false }, means)).rejects.toThrow(/ENODEV|does not exist/);
    expect(await isMountPoint(join(target, 'x'))).toBe(false);
    expect(await isMountPoint(target)).toBe(true);
    await unmount(target, {}, means);
  });

  it('removeTree unmounts what is below, and deletes only what is in the tree', async () => {
    const volume = layer('volume', 'precious');
    const tree = sub('root', 'pod');
    await mountTmpfs(sub('root', 'pod', 'shm'), { sizeBytes: 65_536, mode: 0o755 }, means);
    await bindMount(volume, sub('root', 'pod', 'shm', 'deep'), {}, means);
    await bindMount(volume, sub('root', 'pod', 'a volume'), {}, means);
    await bindMount(volume, sub('root', 'pod', 'a volume'), {}, means);
    writeFileSync(join(tree, 'config'), '');
    await bindMount(join(volume, 'precious'), join(tree, 'config'), {}, means);
    symlinkSync(volume, join(dir.path, 'root', 'pod', 'link'));
    await removeTree(tree, join(dir.path, 'root'), means);
    expect(existsSync(tree)).toBe(false);
    expect(readdirSync(volume)).toEqual(['precious']);
    expect(readFileSync(join(volume, 'precious'), 'utf8')).toBe('volume');
    await removeTree(tree, join(dir.path, 'root'), means);
  });
});

it('removeTree refuses to leave its root, also through a link', async () => {
  const [root, other] = [sub('root'), layer('other', 'file')];
  symlinkSync(other, join(root, 'out'));
  await expect(removeTree(root, root)).rejects.toThrow('not below');
  await expect(removeTree(join(root, '..', 'other'), root)).rejects.toThrow('not below');
  await expect(removeTree(join(root, 'out', 'file'), root)).rejects.toThrow('not below');
  await removeTree(join(root, 'out'), root);
  expect(readdirSync(root)).toEqual([]);
  expect(readdirSync(other)).toEqual(['file']);
});

it('propagationsOf tells a shared mount and a slave of it', async () => {
  const [a, b] = [sub('a'), sub('b')];
  await mountAll([{ type: 'tmpfs', source: 'x', target: '', options: ['shared'] }], a, { readonly: false });
  await mountAll([{ type: 'bind', source: a, target: '', options: ['bind', 'slave'] }], b, { readonly: false });
  expect(await propagationsOf([join(a, 'some', 'file'), b])).toEqual([
    { shared: true, slave: false },
    { shared: false, slave: true },
  ]);
  await unmount(b);
  await unmount(a, {}, SPAWNED_TOOLS);
});

it('makeDir gives every directory it makes its mode, whatever the umask, and leaves the others', async () => {
  const outer = sub('outer');
  const before = process.umask(0o077);
  await makeDir(join(outer, 'a', 'b'), 0o755).finally(() => process.umask(before));
  await makeDir(outer, 0o700);
  expect([outer, join(outer, 'a'), join(outer, 'a', 'b')].map((path) => statSync(path).mode & 0o777)).toEqual([
    0o755, 0o755, 0o755,
  ]);
});
