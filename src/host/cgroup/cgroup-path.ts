import { join } from 'node:path';

/** runc's parent of a `:prefix:name` path without a slice. */
const DEFAULT_SLICE = 'system.slice';
const SLICE = '.slice';

/**
 * The path below the cgroup mount of what a pod's `cgroup_parent` or a container's `cgroupsPath` names. Three forms:
 * `/kubepods/pod1` is a path already; `kubepods-pod1.slice` is a systemd slice, which lies inside of the slices its name
 * lists (`/kubepods.slice/kubepods-pod1.slice`); `SLICE:PREFIX:NAME` is the scope `PREFIX-NAME.scope` in that slice.
 * Throws for a name that systemd would refuse and for a path that leaves its root.
 */
export function cgroupPathOf(name: string): string {
  const parts = name.split(':');
  if (parts.length === 3 && !name.includes('/')) return scopePath(parts);
  if (name.endsWith(SLICE) && !name.includes('/')) return slicePath(name);
  if (name.split('/').includes('..')) throw new Error(`cgroup path "${name}" leads upwards`);
  return join('/', name);
}

function scopePath([slice = '', prefix = '', unit = '']: string[]): string {
  const parent = slicePath(slice || DEFAULT_SLICE);
  if (unit.endsWith(SLICE)) return join(parent, unit);
  return join(parent, prefix === '' ? `${unit}.scope` : `${prefix}-${unit}.scope`);
}

/** `a-b-c.slice` is `/a.slice/a-b.slice/a-b-c.slice`; `-.slice` is the root. */
function slicePath(slice: string): string {
  if (slice === `-${SLICE}`) return '/';
  const labels = slice.slice(0, -SLICE.length).split('-');
  if (!slice.endsWith(SLICE) || labels.includes('')) throw new Error(`"${slice}" is no name of a systemd slice`);
  return join('/', ...labels.map((_, index) => `${labels.slice(0, index + 1).join('-')}${SLICE}`));
}
