/**
 * Copies the fields that an update names from `change` to a copy of `before`; a path is a field in snake_case or one
 * key of a map. Without paths everything but `fixed` is copied. A label set to the empty text is removed.
 */
export function applyMask<T extends object>(
  before: T,
  change: T,
  paths: readonly string[] | undefined,
  fixed: readonly (keyof T)[],
): T {
  if (!paths || paths.length === 0) {
    return { ...before, ...change, ...Object.fromEntries(fixed.map((key) => [key, before[key]])) };
  }
  const after = { ...before } as Record<string, unknown>;
  const source = change as Record<string, unknown>;
  for (const path of paths) {
    const [field = '', ...rest] = path.split('.');
    const name = field.replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
    if (!(name in before) && !(name in change)) throw new Error(`cannot update ${path}`);
    if (rest.length === 0) after[name] = source[name];
    else after[name] = withKey(after[name], source[name], rest.join('.'));
  }
  return after as T;
}

function withKey(before: unknown, change: unknown, key: string): Record<string, unknown> {
  const value = (change as Record<string, unknown>)[key];
  const { [key]: _old, ...others } = (before ?? {}) as Record<string, unknown>;
  return value === undefined || value === '' ? others : { ...others, [key]: value };
}
