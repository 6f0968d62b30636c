import { isWithin, mountOf, mountsBelow, mountsBelowIn, parseMountInfo } from '../../../../src/host/mount/mount-info';

const TEXT = `22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
36 35 98:0 /mnt1 /a\\040b\\134c rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue
43 27 0:4 net:[4026532178] /run/netns/é ro - nsfs nsfs rw
50 27 0:50 / /run/pod rw - tmpfs tmpfs rw
51 50 0:51 / /run/pod/shm rw - tmpfs shm rw
52 27 0:52 / /run/pod rw - tmpfs tmpfs rw
53 27 0:53 / /run/podium rw - tmpfs tmpfs rw
`;
const entries = parseMountInfo(TEXT);

it('parseMountInfo reads every field, escapes undone', () => {
  expect(entries).toHaveLength(8);
  expect(entries[2]).toEqual({
    id: 36,
    parentId: 35,
    device: '98:0',
    root: '/mnt1',
    mountPoint: '/a b\\c',
    options: ['rw', 'noatime'],
    optional: ['master:1', 'shared:7'],
    type: 'ext3',
    source: '/dev/root',
    superOptions: ['rw', 'errors=continue'],
  });
  expect(entries[3]).toMatchObject({ root: 'net:[4026532178]', mountPoint: '/run/netns/é', type: 'nsfs' });
  expect(parseMountInfo('\nnonsense\n')).toEqual([]);
});

it('mountsBelow gives the mounts at and below, the newest first', () => {
  expect(mountsBelow(entries, '/run/pod/')).toEqual(['/run/pod', '/run/pod/shm', '/run/pod']);
  expect(mountsBelow(entries, '/run/pod/shm')).toEqual(['/run/pod/shm']);
  expect(mountsBelow(entries, '/nowhere')).toEqual([]);
});

it.each([
  ['/run/pod', ['/run/pod', '/run/pod/shm', '/run/pod']],
  ['/a b\\c', ['/a b\\c']],
  ['/run/netns', ['/run/netns/é']],
  ['/run/po', []],
  ['/nowhere', []],
])('mountsBelowIn finds the mounts below %s in a text', (dir, expected) => {
  expect(mountsBelowIn(TEXT, dir)).toEqual(expected);
});

it.each([
  ['/run/pod/shm/x', 51],
  ['/run/pod/other', 52],
  ['/run/podium', 53],
  ['/run/pods', 27],
  ['/', 27],
  ['/proc/self', 22],
])('mountOf finds what %s lies on', (path, id) => {
  expect(mountOf(entries, path)?.id).toBe(id);
});

it.each([
  ['/a/b', '/a', true],
  ['/a', '/a', true],
  ['/ab', '/a', false],
  ['/a', '/', true],
  ['/a', '/a/b', false],
])('isWithin(%s, %s) is %s', (path, dir, expected) => {
  expect(isWithin(path, dir)).toBe(expected);
});
