import { LinuxContainerSecurityContext, SecurityProfile_ProfileType as Type } from '../../../../generated/cri/v1/api';
import { chooseApparmor } from '../../../../src/oci/security/apparmor';
import { settings, thrownBy } from '../fixtures';

type Context = Parameters<typeof LinuxContainerSecurityContext.fromPartial>[0];

function choose(context: object, { apparmor = true, disabled = false } = {}) {
  return chooseApparmor({
    securityContext: LinuxContainerSecurityContext.fromPartial(context as Context),
    facts: { apparmor },
    settings: { ...settings, disable_apparmor: disabled },
  });
}

const typed = (profileType: Type, localhostRef = '') => ({ apparmor: { profileType, localhostRef } });
const byDefault = { kind: 'default', name: 'cri-containerd.apparmor.d' };

describe('chooseApparmor', () => {
  it.each([
    ['nothing', {}, byDefault],
    ['RuntimeDefault', typed(Type.RuntimeDefault), byDefault],
    ['Unconfined', typed(Type.Unconfined), { kind: 'unset' }],
    ['Localhost', typed(Type.Localhost, 'mine'), { kind: 'loaded', name: 'mine' }],
    ['the older string', { apparmorProfile: 'localhost/mine' }, { kind: 'loaded', name: 'mine' }],
    ['the older runtime/default', { apparmorProfile: 'runtime/default' }, byDefault],
    ['the older unconfined', { apparmorProfile: 'unconfined' }, { kind: 'unset' }],
    ['a privileged container', { privileged: true }, { kind: 'none' }],
    [
      'a privileged container that asks for the default',
      { privileged: true, ...typed(Type.RuntimeDefault) },
      { kind: 'none' },
    ],
    [
      'a privileged container that names one',
      { privileged: true, ...typed(Type.Localhost, 'mine') },
      { kind: 'loaded', name: 'mine' },
    ],
  ])('of %s', (_, context, expected) => {
    expect(choose(context)).toEqual(expected);
  });

  it.each([{ apparmor: false }, { disabled: true }])('without AppArmor (%j) fails for whoever asks for it', (host) => {
    expect(choose({}, host)).toEqual({ kind: 'unset' });
    expect(choose(typed(Type.Unconfined), host)).toEqual({ kind: 'unset' });
    for (const context of [typed(Type.RuntimeDefault), typed(Type.Localhost, 'mine')]) {
      expect(thrownBy(() => choose(context, host))).toMatchObject({
        field: 'config.linux.security_context.apparmor',
        code: 'FAILED_PRECONDITION',
      });
    }
  });

  it.each([typed(Type.Localhost, ''), typed(Type.Localhost, 'a\nb'), typed(Type.RuntimeDefault, 'mine')])(
    'refuses %j',
    (context) => {
      expect(thrownBy(() => choose(context))).toMatchObject({
        field: 'config.linux.security_context.apparmor.localhost_ref',
      });
    },
  );
});
