import {
  type LinuxContainerSecurityContext,
  SecurityProfile_ProfileType as ProfileType,
  type SecurityProfile,
} from '../../../generated/cri/v1/api';
import type { HostFacts } from '../../model/host-facts';
import { OciError } from '../oci-error';
import type { OciSettings } from '../settings';
import { profileOf } from './security-profile';

/** The profile that containerd's CRI loads too: containers made by either are confined alike. */
export const DEFAULT_APPARMOR_PROFILE = 'cri-containerd.apparmor.d';

const FIELD = 'config.linux.security_context.apparmor';

/**
 * Which AppArmor profile applies. `unset`: none is set, a base spec's stays. `default`: the story loads it when the
 * kernel does not have it. `loaded`: the story refuses the container when the kernel does not have it.
 */
export type ApparmorChoice =
  | { readonly kind: 'unset' }
  | { readonly kind: 'none' }
  | { readonly kind: 'default'; readonly name: string }
  | { readonly kind: 'loaded'; readonly name: string };

export interface ApparmorInput {
  readonly securityContext?: LinuxContainerSecurityContext;
  readonly facts: Pick<HostFacts, 'apparmor'>;
  readonly settings: Pick<OciSettings, 'disable_apparmor'>;
}

function asked(securityContext: LinuxContainerSecurityContext | undefined): SecurityProfile | undefined {
  if (securityContext?.apparmor) return securityContext.apparmor;
  const text = securityContext?.apparmorProfile;
  return text ? profileOf(text, 'config.linux.security_context.apparmor_profile') : undefined;
}

/** Decides on a container's profile. Nobody asking means the default one; a privileged container has only what it names. */
export function chooseApparmor({ securityContext, facts, settings }: ApparmorInput): ApparmorChoice {
  const profile = asked(securityContext);
  const unconfined = profile?.profileType === ProfileType.Unconfined;
  if (!facts.apparmor || settings.disable_apparmor) {
    if (!profile || unconfined) return { kind: 'unset' };
    throw new OciError(FIELD, 'AppArmor is not available on this node', { code: 'FAILED_PRECONDITION' });
  }
  if (profile?.profileType === ProfileType.Localhost) return { kind: 'loaded', name: loadedName(profile.localhostRef) };
  if (profile?.localhostRef) throw new OciError(`${FIELD}.localhost_ref`, 'is for profile type Localhost only');
  if (securityContext?.privileged) return { kind: 'none' };
  if (unconfined) return { kind: 'unset' };
  if (profile && profile.profileType !== ProfileType.RuntimeDefault) {
    throw new OciError(`${FIELD}.profile_type`, `${profile.profileType} is not a profile type`);
  }
  return { kind: 'default', name: DEFAULT_APPARMOR_PROFILE };
}

/** The name is written to a file of the kernel: one line, no control characters. */
function loadedName(ref: string): string {
  const name = ref.startsWith('localhost/') ? ref.slice('localhost/'.length) : ref;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (!name || name.length > 4096 || /[\u0000-\u001f\u007f]/.test(name)) {
    throw new OciError(`${FIELD}.localhost_ref`, `${JSON.stringify(ref)} is not the name of a profile`);
  }
  return name;
}
