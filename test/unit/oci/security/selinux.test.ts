import { OciError } from '../../../../src/oci/oci-error';
import { checkSelinuxOptions } from '../../../../src/oci/security/selinux';

const asked = (change: object) => ({ user: '', role: '', type: '', level: '', ...change });
const FIELD = 'config.linux.security_context.selinux_options';

describe('checkSelinuxOptions', () => {
  it.each(['', 's0', 's0:c1', 's0:c1,c2', 's0-s1:c0.c1023', 's15:c0.c5,c7'])('accepts the level %j', (level) => {
    expect(() => checkSelinuxOptions(asked({ level }), FIELD)).not.toThrow();
  });

  it('accepts no options, and names as policies have them', () => {
    expect(() => checkSelinuxOptions(undefined, FIELD)).not.toThrow();
    expect(() => checkSelinuxOptions(asked({ user: 'system_u', role: 'a.b-c', type: 'spc_t' }), FIELD)).not.toThrow();
  });

  it.each(['c1,c2', 's0:', 's0:c1,', 's0:x', 's0:c1 c2', 's0:c1\n', 's0:c12345'])('refuses the level %j', (level) => {
    const check = (): void => checkSelinuxOptions(asked({ level }), FIELD);
    expect(check).toThrow(new OciError(`${FIELD}.level`, `${JSON.stringify(level)} is malformed`));
  });

  it.each(['user', 'role', 'type'])('refuses a %s that would end a label or a mount option', (part) => {
    for (const value of ['a:b', 'a"', 'a,upperdir=/', 'a b', 'a\n']) {
      const check = (): void => checkSelinuxOptions(asked({ [part]: value }), FIELD);
      expect(check).toThrow(new OciError(`${FIELD}.${part}`, `${JSON.stringify(value)} is no name`));
    }
  });
});
