import { SecurityProfile_ProfileType as ProfileType, type SecurityProfile } from '../../../generated/cri/v1/api';
import { OciError } from '../oci-error';

/** The string forms that older clients send for a seccomp or AppArmor profile. */
export function profileOf(text: string, field: string): SecurityProfile {
  switch (text) {
    case 'runtime/default':
    case 'docker/default':
      return { profileType: ProfileType.RuntimeDefault, localhostRef: '' };
    case 'unconfined':
      return { profileType: ProfileType.Unconfined, localhostRef: '' };
  }
  if (!text.startsWith('localhost/')) throw new OciError(field, `${JSON.stringify(text)} is not a profile`);
  return { profileType: ProfileType.Localhost, localhostRef: text.slice('localhost/'.length) };
}
