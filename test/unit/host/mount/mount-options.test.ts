import { fittingMount, parseOptions, readonlyMount, withoutIdMaps } from '../../../../src/host/mount/mount-options';

const overlay = (...options: string[]) => ({ type: 'overlay', source: 'overlay', target: '', options });

it.each([
  [[], { flags: 0, propagation: 0, data: '' }],
  [['ro', 'nosuid', 'nodev', 'noexec'], { flags: 15, propagation: 0, data: '' }],
  [['ro', 'rw', 'noexec', 'exec'], { flags: 0, propagation: 0, data: '' }],
  [['rbind', 'rprivate'], { flags: 4096 | 16384, propagation: (1 << 18) | 16384, data: '' }],
  [['bind', 'shared'], { flags: 4096, propagation: 1 << 20, data: '' }],
  [['relatime', 'mode=1777', 'size=65536k'], { flags: 1 << 21, propagation: 0, data: 'mode=1777,size=65536k' }],
  [['', 'defaults', 'index=off', 'redirect_dir=off'], { flags: 0, propagation: 0, data: 'index=off,redirect_dir=off' }],
])('parseOptions sorts %j', (options, expected) => {
  expect(parseOptions(options)).toEqual(expected);
});

describe('readonlyMount', () => {
  it.each([
    [
      overlay('index=off', 'workdir=/w', 'upperdir=/u', 'lowerdir=/a:/b'),
      overlay('index=off', 'lowerdir=/u:/a:/b', 'ro'),
    ],
    [overlay('lowerdir=/a:/b'), overlay('lowerdir=/a:/b', 'ro')],
    [
      { type: 'bind', source: '/s', target: '', options: ['rbind', 'rw'] },
      { type: 'bind', source: '/s', target: '', options: ['rbind', 'ro'] },
    ],
    [
      { type: 'erofs', source: '/s', target: 'x', options: ['ro', 'loop'] },
      { type: 'erofs', source: '/s', target: 'x', options: ['loop', 'ro'] },
    ],
  ])('makes %j something that cannot be written through', (mount, expected) => {
    expect(readonlyMount(mount)).toEqual(expected);
  });
});

it('withoutIdMaps drops what is for the shim alone', () => {
  expect(withoutIdMaps(overlay('uidmap=0:1:2', 'lowerdir=/a', 'gidmap=0:1:2'))).toEqual(overlay('lowerdir=/a'));
});

describe('fittingMount', () => {
  const base = `/${'x'.repeat(100)}`;
  const lower = (prefix: string): string =>
    `lowerdir=${Array.from({ length: 60 }, (_, index) => `${prefix}${index}/fs`).join(':')}`;

  it('leaves short options alone', () => {
    expect(fittingMount(overlay('lowerdir=/a:/b'))).toEqual({ mount: overlay('lowerdir=/a:/b') });
  });

  it('makes the lower directories of a long overlay relative to what they share', () => {
    const mount = overlay('index=off', lower(`${base}/`), 'workdir=/w');
    expect(fittingMount(mount)).toEqual({ mount: overlay('index=off', lower(''), 'workdir=/w'), cwd: base });
  });

  it('keeps escaped colons together', () => {
    const names = Array.from({ length: 60 }, (_, index) => `${base}/a\\:${index}`);
    const { mount, cwd } = fittingMount(overlay(`lowerdir=${names.join(':')}`));
    expect(cwd).toBe(base);
    expect(mount.options[0]?.startsWith('lowerdir=a\\:0:a\\:1:')).toBe(true);
  });

  it.each([
    ['an overlay with no common directory to save', overlay(lower(`/a${base}/`).replace('lowerdir=', 'lowerdir=/b:'))],
    ['another filesystem', { ...overlay(lower(`${base}/`)), type: 'tmpfs' }],
  ])('refuses options that the kernel would cut off: %s', (_name, mount) => {
    expect(() => fittingMount(mount)).toThrow('do not fit a page');
  });
});
