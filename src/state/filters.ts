type Labels = Readonly<Record<string, string>>;

/** Whether labels hold every pair of `selector`; an empty selector matches all. */
export function labelMatcher(selector: Labels | undefined): (labels: Labels) => boolean {
  const wanted = Object.entries(selector ?? {});
  return (labels) => wanted.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

/** True when `id` is what the filter's id names: the same, or with it as a prefix (crictl shows short ids). */
export function matchesId(id: string, wanted: string | undefined): boolean {
  return !wanted || id.startsWith(wanted);
}
