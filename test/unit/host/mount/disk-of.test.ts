import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { diskOf, elsewhereThan } from '../../../../src/host/mount/disk-of';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'crisp-disk-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** The text of a mountinfo file. */
const table = (mounts: Record<string, string>): string =>
  Object.entries(mounts)
    .map(([at, device], n) => `${n + 2} 1 ${device} / ${at} rw,relatime shared:1 - ext4 /dev/sda rw\n`)
    .join('');

describe('The disk of a path', () => {
  it.each([
    ['/var/log/pods/0.log', '8:1'],
    ['/mnt/nfs/0.log', '0:50'],
    ['/mnt/nfs', '0:50'],
    ['/mnt/nfsx/0.log', '8:1'],
    ['/mnt/nfs/deep er/0.log', '0:52'],
    ['/mnt/nfs/../0.log', '8:1'],
    ['', ''],
  ])('%s is %s', (path, disk) => {
    const mounts = table({ '/': '8:1', '/mnt/nfs': '0:49', '/mnt/nfs/deep\\040er': '0:52' });
    expect(diskOf(`${mounts}9 1 0:50 / /mnt/nfs rw - nfs4 server:/ rw\n`, path)).toBe(disk);
  });
});

describe('A log that a symbolic link leads to', () => {
  it('lies where the link leads, which is not looked at', () => {
    symlinkSync('/mnt/dead/logs', join(dir, 'pods'));
    const mounts = table({ '/': '8:1', '/mnt/dead': '0:49' });
    expect(elsewhereThan(mounts, { path: join(dir, 'pods/web/0.log'), disk: '8:1' })).toEqual({
      path: '/mnt/dead/logs/web/0.log',
      disk: '0:49',
    });
  });

  it('lies here when the links lead back here', () => {
    mkdirSync(join(dir, 'real'));
    symlinkSync('real', join(dir, 'one'));
    symlinkSync(join(dir, 'one'), join(dir, 'two'));
    const mounts = table({ '/': '8:1' });
    expect(elsewhereThan(mounts, { path: join(dir, 'two/0.log'), disk: '8:1' })).toBeUndefined();
  });

  it('is not followed where the disk is another one already', () => {
    const mounts = table({ '/': '8:1', [dir]: '0:49' });
    const path = join(dir, 'web/0.log');
    expect(elsewhereThan(mounts, { path, disk: '8:1' })).toEqual({ path, disk: '0:49' });
    expect(elsewhereThan(mounts, { path, disk: '0:49' })).toBeUndefined();
  });

  it('lies here when there is no end to the links, or nothing there', () => {
    symlinkSync('b', join(dir, 'a'));
    symlinkSync('a', join(dir, 'b'));
    const mounts = table({ '/': '8:1' });
    for (const name of ['a', 'none']) {
      expect(elsewhereThan(mounts, { path: join(dir, name, '0.log'), disk: '8:1' })).toBeUndefined();
    }
  });
});
