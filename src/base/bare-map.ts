/**
 * A map of the entries as an object without a prototype, for keys that come from outside: on an object that has one,
 * `map['__proto__'] = value` keeps no key and `map['constructor']` answers a function.
 */
export function bareMap<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  const map: Record<string, T> = Object.create(null);
  for (const [key, value] of entries) map[key] = value;
  return map;
}
