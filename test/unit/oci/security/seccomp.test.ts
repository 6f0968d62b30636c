import { LinuxContainerSecurityContext, SecurityProfile_ProfileType as Type } from '../../../../generated/cri/v1/api';
import { chooseSeccomp, parseSeccompProfile } from '../../../../src/oci/security/seccomp';
import { facts, settings, thrownBy } from '../fixtures';

type Context = Parameters<typeof LinuxContainerSecurityContext.fromPartial>[0];

function choose(context: object, { unset = '', seccomp = true } = {}) {
  return chooseSeccomp({
    securityContext: LinuxContainerSecurityContext.fromPartial(context as Context),
    facts: { ...facts, seccomp },
    settings: { ...settings, unset_seccomp_profile: unset },
  });
}

const typed = (profileType: Type, localhostRef = '') => ({ seccomp: { profileType, localhostRef } });

describe('chooseSeccomp', () => {
  it.each([
    ['nothing', {}, { kind: 'unset' }],
    ['RuntimeDefault', typed(Type.RuntimeDefault), { kind: 'default' }],
    ['Unconfined', typed(Type.Unconfined), { kind: 'unset' }],
    ['Localhost', typed(Type.Localhost, '/p/x.json'), { kind: 'file', path: '/p/x.json' }],
    ['a localhost prefix', typed(Type.Localhost, 'localhost//p/x.json'), { kind: 'file', path: '/p/x.json' }],
    ['a relative path', typed(Type.Localhost, 'x.json'), { kind: 'file', path: '/var/lib/kubelet/seccomp/x.json' }],
    ['the older runtime/default', { seccompProfilePath: 'runtime/default' }, { kind: 'default' }],
    ['the older docker/default', { seccompProfilePath: 'docker/default' }, { kind: 'default' }],
    ['the older unconfined', { seccompProfilePath: 'unconfined' }, { kind: 'unset' }],
    [
      'the older localhost',
      { seccompProfilePath: 'localhost/x.json' },
      { kind: 'file', path: '/var/lib/kubelet/seccomp/x.json' },
    ],
    ['both: the typed one', { ...typed(Type.RuntimeDefault), seccompProfilePath: 'unconfined' }, { kind: 'default' }],
    ['a privileged container', { ...typed(Type.RuntimeDefault), privileged: true }, { kind: 'none' }],
  ])('of %s', (_, context, expected) => {
    expect(choose(context)).toEqual(expected);
  });

  it('takes the configured profile when none is asked for', () => {
    expect(choose({}, { unset: 'runtime/default' })).toEqual({ kind: 'default' });
    expect(choose(typed(Type.Unconfined), { unset: 'runtime/default' })).toEqual({ kind: 'unset' });
  });

  it('fails when the kernel has no seccomp and a profile is asked for', () => {
    expect(choose({}, { seccomp: false })).toEqual({ kind: 'unset' });
    expect(choose(typed(Type.Unconfined), { seccomp: false })).toEqual({ kind: 'unset' });
    expect(thrownBy(() => choose(typed(Type.RuntimeDefault), { seccomp: false }))).toMatchObject({
      field: 'config.linux.security_context.seccomp',
      code: 'FAILED_PRECONDITION',
    });
  });

  it.each([
    [typed(Type.Localhost, '../x'), 'seccomp.localhost_ref'],
    [typed(Type.Localhost, '/var/lib/kubelet/seccomp/../../x'), 'seccomp.localhost_ref'],
    [typed(Type.Localhost, 'localhost/../../x'), 'seccomp.localhost_ref'],
    [typed(Type.Localhost, ''), 'seccomp.localhost_ref'],
    [typed(Type.Localhost, '/a\0b'), 'seccomp.localhost_ref'],
    [typed(Type.RuntimeDefault, '/x'), 'seccomp.localhost_ref'],
    [typed(7 as Type), 'seccomp.profile_type'],
    [{ seccompProfilePath: 'nonsense' }, 'seccomp_profile_path'],
  ])('refuses %j', (context, field) => {
    expect(thrownBy(() => choose(context))).toMatchObject({ field: `config.linux.security_context.${field}` });
  });
});

describe('parseSeccompProfile', () => {
  it('reads what the runtime spec has', () => {
    expect(
      parseSeccompProfile({
        defaultAction: 'SCMP_ACT_ERRNO',
        defaultErrnoRet: 38,
        architectures: ['SCMP_ARCH_X86_64'],
        flags: ['SECCOMP_FILTER_FLAG_LOG'],
        unknown: true,
        syscalls: [
          {
            names: ['clone'],
            action: 'SCMP_ACT_ALLOW',
            args: [{ index: 0, value: 18446744073709551615n, valueTwo: 1, op: 'SCMP_CMP_MASKED_EQ' }],
          },
          { names: ['reboot'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
        ],
      }),
    ).toEqual({
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      architectures: ['SCMP_ARCH_X86_64'],
      flags: ['SECCOMP_FILTER_FLAG_LOG'],
      syscalls: [
        {
          names: ['clone'],
          action: 'SCMP_ACT_ALLOW',
          args: [{ index: 0, value: 18446744073709551615n, valueTwo: 1n, op: 'SCMP_CMP_MASKED_EQ' }],
        },
        { names: ['reboot'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
      ],
    });
  });

  it.each([
    [null],
    [[]],
    [{}],
    [{ defaultAction: 'A', syscalls: {} }],
    [{ defaultAction: 'A', syscalls: [1] }],
    [{ defaultAction: 'A', syscalls: [{ names: 'x', action: 'B' }] }],
    [{ defaultAction: 'A', syscalls: [{ names: ['x'] }] }],
    [{ defaultAction: 'A', syscalls: [{ names: ['x'], action: 'B', args: [{ value: -1, op: 'C' }] }] }],
    [{ defaultAction: 'A', syscalls: [{ names: ['x'], action: 'B', args: [{ value: 0.5, op: 'C' }] }] }],
  ])('refuses %j', (json) => {
    expect(thrownBy(() => parseSeccompProfile(json))).toMatchObject({
      field: 'config.linux.security_context.seccomp.localhost_ref',
    });
  });
});
