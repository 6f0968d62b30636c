import { MAX_FILE_BYTES } from '../../../src/base/regular-file';
import { MAX_ROOTFS_FILE_BYTES } from '../../../src/host/files/user-lookup';
import { MAX_YAML_MARKS, parseYaml } from '../../../src/oci/cdi/cdi-yaml';
import { imageVolumePaths, MAX_IMAGE_VOLUMES } from '../../../src/oci/image-volumes';
import { resolveUser } from '../../../src/oci/process/user';
import { groupNamed, groupsOf, userNamed, userWithId } from '../../../src/oci/process/user-files';
import { heldFor, MOST_MS } from '../../support/held-for';
import { container, thrownBy } from './fixtures';

const filled = (line: string, bytes = MAX_ROOTFS_FILE_BYTES): Buffer => Buffer.from(line.repeat(bytes / line.length));

describe('passwd and group of an image', () => {
  it('have blanks around lines, CRs, comments and lines too short', () => {
    const passwd = Buffer.from('\n \t\r\n#a:x:1:1\n a:x:5:6:g \r\nb\nb:x\nb:x:7\nb:x:7:8\r\n::9:9\n');
    expect(userNamed(passwd, 'a')).toEqual({ name: 'a', uid: 5, gid: 6 });
    expect(userNamed(passwd, 'b')).toEqual({ name: 'b', uid: 7, gid: 8 });
    expect(userNamed(passwd, '#a')).toBeUndefined();
    expect(userWithId(passwd, 9)).toBeUndefined();
  });

  it('have members that are whole names', () => {
    const group = Buffer.from('g:x:1:ab,a\nh:x:2:ab\ni:x:3:a,b:more\nj:x:4:\nk:x:5:b,ba,\na:x:6:a\n');
    expect(groupsOf(group, 'a')).toEqual([1, 3]);
    expect(groupsOf(group, 'ba')).toEqual([5]);
    expect(groupsOf(group, 'a,b')).toEqual([]);
    expect(groupsOf(group, '')).toEqual([]);
    expect(groupNamed(group, 'k')).toBe(5);
    expect(groupNamed(group, '')).toBeUndefined();
  });

  it.each<[string, Buffer]>([
    ['lines of users', filled('u:x:1:1\n')],
    ['empty lines', filled('\n')],
    ['colons', filled(':')],
    ['blanks', filled(' ')],
    ['blanks before each line', filled(`${' '.repeat(1000)}a:x:1:a\n`)],
    ['members in one line', Buffer.concat([Buffer.from('g:x:1:'), filled('ab,')])],
    ['members in many lines', filled('g:x:1:alic,alic\n')],
    ['digits', filled('12345678901:x:12345678901:12345678901:')],
    ['bytes that are no UTF-8', Buffer.alloc(MAX_ROOTFS_FILE_BYTES, 0xff)],
  ])('of %s are read in no time', (what, file) => {
    const field = 'config.linux.security_context';
    const act = (): unknown => {
      try {
        return resolveUser({ field, imageUser: 'alice:none', passwd: file, group: file });
      } catch (error) {
        return [error, groupsOf(file, 'alice'), userWithId(file, 7)];
      }
    };
    expect(heldFor(`passwd and group, 1 MiB of ${what}`, act)).toBeLessThan(MOST_MS);
  });
});

describe('The VOLUMEs of an image', () => {
  const paths = (count: number): string[] => Array.from({ length: count }, (_, i) => `/data/${i}`);

  it('are as many as there may be, and not one more', () => {
    expect(imageVolumePaths(paths(MAX_IMAGE_VOLUMES), [])).toHaveLength(MAX_IMAGE_VOLUMES);
    expect(thrownBy(() => imageVolumePaths(paths(MAX_IMAGE_VOLUMES + 1), []))).toMatchObject({
      field: 'image.config.Volumes',
      code: 'INVALID_ARGUMENT',
    });
  });

  it.each([
    ['of a path that no kernel takes', `/${'a/'.repeat(2048)}`, `/${'a/'.repeat(2046)}`],
    ['of a name that no filesystem has', `/${'a'.repeat(256)}`, `/${'a'.repeat(255)}`],
    ['with a NUL', '/a\0b', '/ab'],
  ])('%s are refused', (_what, above, at) => {
    const { mounts } = container({});
    expect(imageVolumePaths([at], mounts)).toHaveLength(1);
    expect(thrownBy(() => imageVolumePaths([above], mounts))).toMatchObject({ field: 'image.config.Volumes' });
  });
});

describe('A CDI spec in YAML', () => {
  it.each<[string, (levels: number) => string]>([
    ['flow lists', (levels) => '['.repeat(levels) + ']'.repeat(levels)],
    ['flow maps', (levels) => `${'{a: '.repeat(levels)}1${'}'.repeat(levels)}`],
    ['lists', (levels) => `${'- '.repeat(levels)}1`],
    ['maps', (levels) => Array.from({ length: levels }, (_, i) => `${' '.repeat(i)}a:`).join('\n')],
  ])('has at most 100 levels of %s', (_what, nested) => {
    parseYaml(nested(100));
    expect(() => parseYaml(nested(101))).toThrow(/nests deeper than 100 levels/);
  });

  it.each([
    ['lines', (count: number) => '\n'.repeat(count)],
    ['items', (count: number) => `- a\n`.repeat(count / 2)],
    ['items in a line', (count: number) => `a: [${'1,'.repeat(count - 2)}1,1]`],
  ])('has as many %s as it may, and not one more', (_what, text) => {
    parseYaml(text(MAX_YAML_MARKS));
    expect(() => parseYaml(`${text(MAX_YAML_MARKS)}\n,`)).toThrow(`it has more than ${MAX_YAML_MARKS} lines and items`);
  });

  const size = MAX_FILE_BYTES;
  const most = MAX_YAML_MARKS - 10;
  it.each<[string, string]>([
    ['lines that are not too many', Array.from({ length: most }, (_, i) => `k${i}: ${'x'.repeat(50)}`).join('\n')],
    ['items that are not too many', `- ${'x'.repeat(120)}\n`.repeat(most / 2)],
    ['items in a line that are not too many', `a: [${`${'1'.repeat(60)},`.repeat(most)}1]`],
    ['quoted items that are not too many', `a: [${`"${'\\n'.repeat(30)}",`.repeat(most)}1]`],
    ['maps in a line that are not too many', `a: [${`{"a": 'b'},`.repeat(most / 2 - 1)}1]`],
    ['lines', 'a: 1\n'.repeat(size / 5)],
    ['keys', Array.from({ length: size / 12 }, (_, i) => `k${String(i).padStart(7, '0')}: 1`).join('\n')],
    ['items', '- 1\n'.repeat(size / 4)],
    ['items in a line', `a: [${'1,'.repeat(size / 2)}1]`],
    ['quoted items in a line', `a: [${'"",'.repeat(size / 3)}1]`],
    ['blanks before a colon', `a${' '.repeat(size)}b`],
    ['colons', ':'.repeat(size)],
    ['colons with blanks', 'a :b '.repeat(size / 5)],
    ['dashes', '- '.repeat(size / 2)],
    ['quotes', `a: ${'"'.repeat(size)}`],
    ['single quotes', `a: ${"'".repeat(size)}`],
    ['backslashes', `a: "${'\\'.repeat(size)}`],
    ['number signs', '#'.repeat(size)],
    ['quotes and number signs', `a: ${`' '#`.repeat(size / 4)} #`],
    ['number signs in quotes', `a: '${'#'.repeat(size)}'`],
    ['empty lines', '\n'.repeat(size)],
    ['secrets', `secret\n${'x'.repeat(size)}`],
  ])('of a megabyte of %s is read in no time, and never quoted', (what, text) => {
    const act = (): unknown => {
      try {
        return parseYaml(text);
      } catch (error) {
        expect(String(error)).not.toContain('secret');
        expect(String(error).length).toBeLessThan(200);
        return error;
      }
    };
    expect(heldFor(`parseYaml, 1 MiB of ${what}`, act)).toBeLessThan(MOST_MS);
  });
});
