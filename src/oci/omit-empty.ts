/** Members that Go writes whatever they hold; runtime-spec has no `omitempty` on them. */
const ALWAYS = new Set([
  'ociVersion',
  'cwd',
  'destination',
  'allow',
  'names',
  'action',
  'op',
  'defaultAction',
  'pageSize',
]);
/** Their members are whatever a pod or an administrator names: an annotation may be empty. */
const MAPS = new Set(['annotations', 'sysctl', 'unified', 'netDevices']);

/**
 * A spec, or a part of one, without what Go's runtime-spec leaves out (`omitempty`): false, empty texts and lists, and maps
 * without members. Some runtimes ask only whether a member is there. Numbers stay, since they are pointers in Go and 0 is
 * a value (all but a seccomp argument's `valueTwo`). An empty object stays, unless it is a map: it is a pointer in Go too.
 */
export function omitEmpty<T>(value: T): T {
  if (Array.isArray(value)) return value.map((each: unknown) => omitEmpty(each)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key, member]) => ALWAYS.has(key) || !isEmpty(key, member));
  return Object.fromEntries(kept.map(([key, member]) => [key, MAPS.has(key) ? member : omitEmpty(member)])) as T;
}

function isEmpty(key: string, member: unknown): boolean {
  if (member === undefined || member === null || member === false || member === '') return true;
  if (key === 'valueTwo') return Number(member) === 0;
  if (Array.isArray(member)) return member.length === 0;
  return MAPS.has(key) && typeof member === 'object' && Object.keys(member).length === 0;
}
