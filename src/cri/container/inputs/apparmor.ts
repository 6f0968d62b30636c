import { chooseApparmor } from '../../../oci/security/apparmor';
import type { CriDeps } from '../../deps';
import { invalid } from '../../errors';
import type { NamedContainerConfig } from '../../require';

/** Afterwards the AppArmor profile that a container runs under is loaded. A profile of its own must be loaded already. */
export async function requireApparmor(
  deps: Pick<CriDeps, 'host' | 'config'>,
  config: NamedContainerConfig,
): Promise<void> {
  const securityContext = config.linux?.securityContext;
  const choice = chooseApparmor({ securityContext, facts: deps.host.facts, settings: deps.config });
  if (choice.kind === 'default') await deps.host.ensureDefaultApparmor();
  if (choice.kind === 'loaded' && !(await deps.host.isApparmorLoaded(choice.name))) {
    throw invalid('config.linux.security_context.apparmor.localhost_ref', `profile "${choice.name}" is not loaded`);
  }
}
