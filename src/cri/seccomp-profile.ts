import type {
  LinuxContainerSecurityContext,
  LinuxSandboxSecurityContext,
  PodSandboxConfig,
} from '../../generated/cri/v1/api';
import { errorMessage } from '../base/errors';
import { parseForeignJson } from '../base/json/foreign-json';
import { readForeignText } from '../host/mount/foreign-file';
import type { SpecSeccomp } from '../model/spec';
import { chooseSeccomp, parseSeccompProfile } from '../oci/security/seccomp';
import type { CriDeps } from './deps';
import { invalid } from './errors';
import type { NamedContainerConfig } from './require';

const FIELD = 'config.linux.security_context.seccomp.localhost_ref';

/** The profile file that a container names, parsed; undefined when it names none. */
export function containerSeccompProfile(
  deps: Pick<CriDeps, 'host' | 'config'>,
  config: NamedContainerConfig,
): Promise<SpecSeccomp | undefined> {
  return profileFile(deps, config.linux?.securityContext);
}

/** The profile file that a pod names for its pause container, parsed; undefined when it names none. */
export function sandboxSeccomp(
  deps: Pick<CriDeps, 'host' | 'config'>,
  config: PodSandboxConfig,
): Promise<SpecSeccomp | undefined> {
  return profileFile(deps, config.linux?.securityContext);
}

async function profileFile(
  deps: Pick<CriDeps, 'host' | 'config'>,
  securityContext: LinuxContainerSecurityContext | LinuxSandboxSecurityContext | undefined,
): Promise<SpecSeccomp | undefined> {
  const choice = chooseSeccomp({ securityContext, facts: deps.host.facts, settings: deps.config });
  if (choice.kind !== 'file') return undefined;
  try {
    return parseSeccompProfile(parseForeignJson(await readForeignText(choice.path)));
  } catch (error) {
    throw invalid(FIELD, `the profile "${choice.path}" cannot be used: ${errorMessage(error)}`);
  }
}
