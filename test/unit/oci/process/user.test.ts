import { SupplementalGroupsPolicy } from '../../../../generated/cri/v1/api';
import {
  resolveUser,
  type UserContext,
  type UserInput,
  userFilesNeeded,
  userOf,
} from '../../../../src/oci/process/user';
import { thrownBy } from '../fixtures';

const passwd = Buffer.from(
  [
    'root:x:0:0:root:/root:/bin/sh',
    '# comment:x:9:9',
    'broken:x:nine:9',
    'toobig:x:4294967296:0',
    'negative:x:-1:0',
    'alice:x:1000:100:Alice:/home/alice:/bin/sh',
    '4294967296:x:0:0:a name that looks like a number',
    '1001:x:0:0',
    'bob:x:1002:1002',
    'alice:x:5:5:a second alice',
  ].join('\n'),
);
const group = Buffer.from(
  [
    'root:x:0:',
    'users:x:100:alice,bob',
    'wheel:x:10:root,alice',
    'alice:x:1000:alice',
    'broken:x:ten:alice',
    'default:x:50000:bob,alice',
  ].join('\n'),
);

const id = (value: bigint) => ({ value });

function context(changes: Partial<UserContext> = {}): UserContext {
  return { supplementalGroups: [], supplementalGroupsPolicy: SupplementalGroupsPolicy.Merge, ...changes };
}

function input(changes: Partial<UserInput>): UserInput {
  return { field: 'config.linux.security_context', imageUser: '', passwd, group, ...changes };
}

const Strict = SupplementalGroupsPolicy.Strict;

describe('resolveUser', () => {
  it.each<[string, Partial<UserInput>, number, number, number[]]>([
    ['nobody named', {}, 0, 0, [0, 10]],
    ['the name of the image', { imageUser: 'alice' }, 1000, 100, [10, 100, 50000]],
    ['a number of the image', { imageUser: '1000' }, 1000, 100, [10, 100, 50000]],
    ['a number that passwd does not know', { imageUser: '1234' }, 1234, 0, [0]],
    ['user and group of the image', { imageUser: 'alice:wheel' }, 1000, 10, [10, 100, 50000]],
    ['user and numeric group', { imageUser: 'alice:7' }, 1000, 7, [7, 10, 100, 50000]],
    ['two numbers', { imageUser: '1:2' }, 1, 2, [2]],
    ['a trailing colon', { imageUser: 'alice:' }, 1000, 100, [10, 100, 50000]],
    [
      'run_as_user over the image',
      { imageUser: 'alice', securityContext: context({ runAsUser: id(1002n) }) },
      1002,
      1002,
      [100, 1002, 50000],
    ],
    ['run_as_username', { securityContext: context({ runAsUsername: 'bob' }) }, 1002, 1002, [100, 1002, 50000]],
    [
      'run_as_group',
      { securityContext: context({ runAsUser: id(1000n), runAsGroup: id(5n) }) },
      1000,
      5,
      [5, 10, 100, 50000],
    ],
    [
      'policy Strict',
      {
        imageUser: 'alice',
        securityContext: context({ supplementalGroupsPolicy: Strict, supplementalGroups: [7n, 100n] }),
      },
      1000,
      100,
      [7, 100],
    ],
    [
      'policy Merge with supplemental groups',
      { imageUser: 'alice', securityContext: context({ supplementalGroups: [7n, 10n, 7n] }) },
      1000,
      100,
      [7, 10, 100, 50000],
    ],
    ['no files in the image', { imageUser: '1000', passwd: undefined, group: undefined }, 1000, 0, [0]],
    ['a number with a sign', { imageUser: '+1000' }, 1000, 100, [10, 100, 50000]],
    ['the largest id', { imageUser: '2147483647' }, 2147483647, 0, [0]],
    ['the base spec', { base: { uid: 1000, gid: 7, additionalGids: [7, 8] } }, 1000, 7, [7, 8, 10, 100, 50000]],
    ['a base spec without groups', { base: { uid: 3, gid: 4 } }, 3, 4, [4]],
    [
      'the base spec, supplemental groups and policy Strict',
      {
        base: { uid: 1000, gid: 7, additionalGids: [9] },
        securityContext: context({ supplementalGroupsPolicy: Strict, supplementalGroups: [8n] }),
      },
      1000,
      7,
      [7, 8, 9],
    ],
    [
      'the user of the image over the base spec',
      { imageUser: '1:2', base: { uid: 7, gid: 7, additionalGids: [7, 8] } },
      1,
      2,
      [2],
    ],
  ])('with %s', (_, changes, uid, gid, additionalGids) => {
    expect(resolveUser(input(changes))).toEqual({ uid, gid, additionalGids });
  });

  it.each<[string, Partial<UserInput>, string]>([
    ['a number above 2^31-1', { imageUser: '2147483648' }, 'image.config.User'],
    ['a number that overflows, even where passwd has that name', { imageUser: '4294967296' }, 'image.config.User'],
    ['a number with a group that overflows', { imageUser: '1:4294967296' }, 'image.config.User'],
    ['a number far beyond', { imageUser: '99999999999999999999999999' }, 'image.config.User'],
    ['a negative number', { imageUser: '-1' }, 'image.config.User'],
    ['an unknown name', { imageUser: 'carol' }, 'image.config.User'],
    ['a name whose line has a bad number', { imageUser: 'broken' }, 'image.config.User'],
    ['a name whose line has a number out of range', { imageUser: 'toobig' }, 'image.config.User'],
    ['a name whose line has a negative number', { imageUser: 'negative' }, 'image.config.User'],
    ['a name without a passwd', { imageUser: 'alice', passwd: undefined }, 'image.config.User'],
    ['an unknown group', { imageUser: 'alice:nope' }, 'image.config.User'],
    ['a group alone', { imageUser: ':wheel' }, 'image.config.User'],
    ['two colons', { imageUser: 'a:b:c' }, 'image.config.User'],
    [
      'run_as_group without a user',
      { securityContext: context({ runAsGroup: id(1n) }) },
      'config.linux.security_context.run_as_group',
    ],
    [
      'run_as_user out of range',
      { securityContext: context({ runAsUser: id(2n ** 31n) }) },
      'config.linux.security_context.run_as_user',
    ],
    [
      'run_as_user beyond 2^53',
      { securityContext: context({ runAsUser: id(2n ** 63n - 1n) }) },
      'config.linux.security_context.run_as_user',
    ],
    [
      'a negative run_as_user',
      { securityContext: context({ runAsUser: id(-1n) }) },
      'config.linux.security_context.run_as_user',
    ],
    [
      'run_as_username unknown',
      { securityContext: context({ runAsUsername: 'carol' }) },
      'config.linux.security_context.run_as_username',
    ],
    [
      'a numeric run_as_username out of range',
      { securityContext: context({ runAsUsername: '4294967296' }) },
      'config.linux.security_context.run_as_username',
    ],
    [
      'a supplemental group out of range',
      { securityContext: context({ supplementalGroups: [1n, -5n] }) },
      'config.linux.security_context.supplemental_groups[1]',
    ],
    [
      'an unknown policy',
      { securityContext: context({ supplementalGroupsPolicy: 9 as SupplementalGroupsPolicy }) },
      'config.linux.security_context.supplemental_groups_policy',
    ],
  ])('refuses %s', (_, changes, field) => {
    expect(thrownBy(() => resolveUser(input(changes)))).toMatchObject({
      name: 'OciError',
      field,
      code: 'INVALID_ARGUMENT',
    });
  });

  it('takes a name of digits for a number, whoever has that name in passwd', () => {
    expect(resolveUser(input({ imageUser: '1001' }))).toEqual({ uid: 1001, gid: 0, additionalGids: [0] });
  });
});

describe('userFilesNeeded', () => {
  it.each<[string, Partial<UserInput>, boolean, boolean]>([
    ['a name', { imageUser: 'alice' }, true, true],
    ['two numbers and policy Merge', { imageUser: '1:2' }, true, true],
    [
      'two numbers and policy Strict',
      { imageUser: '1:2', securityContext: context({ supplementalGroupsPolicy: Strict }) },
      false,
      false,
    ],
    [
      'one number and policy Strict',
      { imageUser: '1', securityContext: context({ supplementalGroupsPolicy: Strict }) },
      true,
      false,
    ],
    [
      'a group name and policy Strict',
      { imageUser: '1:wheel', securityContext: context({ supplementalGroupsPolicy: Strict }) },
      false,
      true,
    ],
    ['nothing and policy Strict', { securityContext: context({ supplementalGroupsPolicy: Strict }) }, false, false],
  ])('of %s', (_, changes, wantsPasswd, wantsGroup) => {
    expect(userFilesNeeded(input(changes))).toEqual({ passwd: wantsPasswd, group: wantsGroup });
  });
});

describe('userOf', () => {
  it('says who a container runs as', () => {
    const process = { cwd: '/', user: { uid: 1, gid: 2, additionalGids: [2, 3] } };
    expect(userOf({ ociVersion: '1.2.0', process })).toEqual({ uid: 1n, gid: 2n, supplementalGroups: [2n, 3n] });
    expect(userOf({ ociVersion: '1.2.0' })).toBeUndefined();
  });
});
