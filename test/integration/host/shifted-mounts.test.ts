import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMountPoint } from '../../../src/host/mount/mount-info';
import { unmount } from '../../../src/host/mount/mounts';
import { mountShifted } from '../../../src/host/mount/shifted-mounts';
import { removeNetns } from '../../../src/host/namespace/netns';
import { createUserNetns } from '../../../src/host/namespace/user-netns';
import { SPAWNED_TOOLS } from '../../../src/host/syscall/syscalls';
import { useTempDir } from './temp';

const MAPPINGS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const dir = useTempDir();
const at = (...names: string[]): string => join(dir.path, ...names);
const made = (...names: string[]): string => {
  mkdirSync(at(...names), { recursive: true });
  return at(...names);
};

/** A layer with a file of root's and one of user 7. */
function layer(name: string): string {
  const path = made('layers', name, 'fs');
  for (const [file, owner] of [
    [`of-root-${name}`, 0],
    [`of-7-${name}`, 7],
  ] as const) {
    writeFileSync(join(path, file), name);
    chownSync(join(path, file), owner, owner);
  }
  return path;
}

const owners = (path: string): Record<string, number> =>
  Object.fromEntries(readdirSync(path).map((name) => [name, statSync(join(path, name)).uid]));

describe('mountShifted', () => {
  beforeEach(() => createUserNetns({ path: at('net'), userPath: at('user'), uids: MAPPINGS, gids: MAPPINGS }));

  afterEach(async () => {
    await unmount(at('target'), { lazy: true });
    for (const name of ['net', 'user']) await removeNetns(at(name));
  });

  it('gives the files of a bind mount to the users of a namespace, read-only', async () => {
    const source = layer('a');
    const mount = { type: 'bind', source, target: '', options: ['rw', 'rbind', 'uidmap=x', 'gidmap=x'] };
    await mountShifted([mount], made('target'), at('user'));
    expect(owners(at('target'))).toEqual({ 'of-root-a': 100_000, 'of-7-a': 100_007 });
    expect(() => writeFileSync(at('target', 'new'), '')).toThrow('EROFS');
    expect(owners(source)).toEqual({ 'of-root-a': 0, 'of-7-a': 7 });
  });

  it('gives the files of all layers of an overlay to them, and leaves no other mount', async () => {
    const options = [`lowerdir=${layer('top')}:${layer('base')}`, 'index=off'];
    await mountShifted([{ type: 'overlay', source: 'overlay', target: '', options }], made('target'), at('user'));
    expect(owners(at('target'))).toEqual({
      'of-root-top': 100_000,
      'of-7-top': 100_007,
      'of-root-base': 100_000,
      'of-7-base': 100_007,
    });
    expect(readFileSync(at('target', 'of-root-base'), 'utf8')).toBe('base');
    expect(existsSync(at('target.layers'))).toBe(false);
  });

  it('leaves nothing mounted when it fails', async () => {
    const options = [`lowerdir=${layer('top')}:${at('layers/none')}`];
    const failing = mountShifted(
      [{ type: 'overlay', source: 'overlay', target: '', options }],
      made('target'),
      at('user'),
    );
    await expect(failing).rejects.toThrow('ENOENT');
    expect(await isMountPoint(at('target'))).toBe(false);
    expect(existsSync(at('target.layers'))).toBe(false);
  });

  it('says that it needs system calls', async () => {
    await expect(mountShifted([], at('target'), at('user'), SPAWNED_TOOLS)).rejects.toThrow('without system calls');
  });
});
