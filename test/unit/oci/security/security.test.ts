import { LinuxContainerSecurityContext } from '../../../../generated/cri/v1/api';
import { hiddenPaths } from '../../../../src/oci/security/security';

const base = { maskedPaths: ['/proc/kcore'], readonlyPaths: ['/proc/sys'] };
const none = { maskedPaths: [], readonlyPaths: [] };
const asked = { maskedPaths: ['/proc/keys'], readonlyPaths: ['/proc/bus'] };

describe('hiddenPaths', () => {
  it.each([
    ['the lists of kubelet, nothing added', asked, false, asked],
    ['nothing for an unmasked container', {}, false, none],
    ['the default ones when the configuration keeps them', asked, true, base],
    ['nothing for a privileged container', { ...asked, privileged: true }, true, none],
  ])('are %s', (_, context, disable_proc_mount, expected) => {
    const securityContext = LinuxContainerSecurityContext.fromPartial(context);
    expect(hiddenPaths(securityContext, base, { disable_proc_mount })).toEqual(expected);
  });
});
