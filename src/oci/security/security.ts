import type { LinuxContainerSecurityContext } from '../../../generated/cri/v1/api';
import type { SpecLinux } from '../../model/spec';
import type { OciSettings } from '../settings';

type Paths = Pick<SpecLinux, 'maskedPaths' | 'readonlyPaths'>;

/**
 * Paths a container cannot read or cannot write. kubelet sends the whole lists (a pod with procMount Unmasked: empty
 * ones), so they replace the default ones. A privileged container has none.
 */
export function hiddenPaths(
  securityContext: LinuxContainerSecurityContext | undefined,
  base: Paths,
  settings: Pick<OciSettings, 'disable_proc_mount'>,
): Paths {
  if (securityContext?.privileged) return { maskedPaths: [], readonlyPaths: [] };
  if (settings.disable_proc_mount) return { maskedPaths: base.maskedPaths, readonlyPaths: base.readonlyPaths };
  return {
    maskedPaths: [...(securityContext?.maskedPaths ?? [])],
    readonlyPaths: [...(securityContext?.readonlyPaths ?? [])],
  };
}
