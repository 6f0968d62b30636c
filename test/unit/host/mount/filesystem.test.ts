import { mkdirSync, symlinkSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { filesystemAt } from '../../../../src/host/mount/filesystem';
import { useFakeRoot } from '../fake-root';

const root = useFakeRoot();

/** A fake /proc in which `mounts` lie over the root's own device. */
function addMounts(mounts: Record<string, string>): void {
  const lines = Object.entries({ '/': '/dev/root', ...mounts }).map(
    ([point, source], index) => `${index + 2} 1 8:1 / ${point} rw shared:1 - ext4 ${source} rw`,
  );
  root.add({ 'proc/self/mountinfo': `${lines.join('\n')}\n` });
}

const at = (dir: string): ReturnType<typeof filesystemAt> => filesystemAt(dir, join(root.path, 'proc'));

describe('filesystemAt', () => {
  it('tells size and inodes of the whole filesystem, in bytes', async () => {
    addMounts({});
    const { bsize, blocks, files } = await statfs(root.path, { bigint: true });
    const filesystem = await at(root.path);
    expect(filesystem).toEqual({
      device: '/dev/root',
      size: blocks * bsize,
      inodes: files,
      inodesFree: filesystem?.inodesFree,
    });
    expect(filesystem && filesystem.inodesFree <= files).toBe(true);
  });

  it('names the device of the nearest mount', async () => {
    addMounts({ [root.path]: '/dev/sdb', [`${root.path}/data`]: '/dev/sdc', [`${root.path}/da`]: '/dev/sdd' });
    mkdirSync(join(root.path, 'data/deep'), { recursive: true });
    expect((await at(join(root.path, 'data/deep')))?.device).toBe('/dev/sdc');
    expect((await at(root.path))?.device).toBe('/dev/sdb');
  });

  it('looks at where a symbolic link leads', async () => {
    addMounts({ [`${root.path}/data`]: '/dev/sdc' });
    mkdirSync(join(root.path, 'data'));
    symlinkSync('data', join(root.path, 'link'));
    expect((await at(join(root.path, 'link')))?.device).toBe('/dev/sdc');
  });

  it('is undefined for a directory that is not there', async () => {
    addMounts({});
    expect(await at(join(root.path, 'none'))).toBeUndefined();
  });

  it('rejects for a path that runs through a file', async () => {
    addMounts({});
    await expect(at(join(root.path, 'proc/self/mountinfo/x'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});
