import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { LocalPaths } from '../../../../src/host/mount/local-paths';
import { useFakeRoot } from '../fake-root';

const root = useFakeRoot();
const at = (name: string): string => join(root.path, name);

const ROOT = '27 1 254:0 / / rw shared:1 - ext4 /dev/vda rw';
/** Mounts, each a point and a type. */
const mounted = (...mounts: [string, string][]): string =>
  [ROOT, ...mounts.map(([point, type]) => `50 27 0:50 / ${point} rw - ${type} source rw`), ''].join('\n');

describe('LocalPaths', () => {
  beforeEach(() => {
    for (const dir of ['nfs/below', 'disk', 'with space']) mkdirSync(at(dir), { recursive: true });
    symlinkSync('../nfs/below', at('disk/link'));
    symlinkSync(at('disk/link'), at('chain'));
  });

  it('follows links over the filesystems of this machine', () => {
    const paths = new LocalPaths(mounted([at('nfs'), 'xfs'], [at('disk'), 'tmpfs']));
    expect(paths.resolve(at('chain'))).toMatchObject({ path: at('nfs/below') });
    expect(paths.resolve(at('disk/link/x/../y'))).toEqual({ path: at('nfs/below/y'), stats: undefined });
    expect(paths.resolve(`${at('disk')}/./link//..`)?.path).toBe(at('nfs'));
  });

  it.each(['nfs', 'nfs/below', 'nfs/below/none', 'disk/link', 'chain', 'disk/../nfs'])(
    'does not look at %s, which leads into a mount that may not answer',
    (name) => {
      expect(new LocalPaths(mounted([at('nfs'), 'nfs4'])).resolve(at(name))).toBeUndefined();
    },
  );

  it.each(['nfs', 'nfs4', 'cifs', 'fuse.sshfs', 'autofs', '9p', 'ceph', 'unheard-of'])('trusts no %s', (type) => {
    const paths = new LocalPaths(mounted([at('nfs'), type]));
    expect(paths.resolve(at('nfs/below'))).toBeUndefined();
    expect(paths.resolve(at('disk'))?.path).toBe(at('disk'));
  });

  it('takes no word of a mount that another may cover', () => {
    const below = new LocalPaths(mounted([at('nfs/below'), 'ext4'], [at('nfs'), 'nfs4']));
    expect(below.resolve(at('nfs/below'))).toBeUndefined();
    const stacked = new LocalPaths(mounted([at('nfs'), 'nfs4'], [at('nfs'), 'tmpfs']));
    expect(stacked.resolve(at('nfs'))).toBeUndefined();
  });

  it('knows mount points whatever their names', () => {
    const paths = new LocalPaths(mounted([at('with\\040space'), 'nfs']));
    expect(paths.resolve(at('with space'))).toBeUndefined();
  });

  it('knows nothing of this machine when it knows no mounts, nor when the root itself is a network’s', () => {
    expect(new LocalPaths('').resolve('/')).toBeUndefined();
    expect(new LocalPaths('27 1 0:9 / / rw - nfs4 server:/ rw\n').resolve('/etc')).toBeUndefined();
  });
});
