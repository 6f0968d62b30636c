import { posix } from 'node:path';
import type { RuntimeHandler } from '../../model/runtime-handler';
import { DEFAULT_CGROUP_PARENT } from '../base-spec';
import { checkPath } from '../check-path';
import { OciError } from '../oci-error';

/** Part of every cgroup's name with systemd; tools look for it. */
const PREFIX = 'cri-containerd';

/**
 * Where a container's cgroup goes: below a systemd slice as `slice:cri-containerd:id`, else as a path. Without a parent
 * (crictl, critest) below containerd's namespace, or in system.slice when the runtime leaves cgroups to systemd.
 */
export function cgroupsPath(parent: string, id: string, handler: Pick<RuntimeHandler, 'systemdCgroup'>): string {
  if (parent.includes('\0') || parent.split('/').includes('..')) {
    throw new OciError('config.linux.cgroup_parent', `${JSON.stringify(parent)} is not a cgroup`);
  }
  checkPath(parent, 'config.linux.cgroup_parent');
  const slice = posix.basename(parent || (handler.systemdCgroup ? 'system.slice' : ''));
  if (slice.endsWith('.slice')) return `${slice}:${PREFIX}:${id}`;
  return posix.join(parent || DEFAULT_CGROUP_PARENT, id);
}
