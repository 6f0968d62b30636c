/** True when `labels` holds every pair of `selector`; an empty selector matches all. */
export function matchesLabels(labels: Record<string, string>, selector: Record<string, string> | undefined): boolean {
  return Object.entries(selector ?? {}).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

/** True when `id` is what the filter's id names: the same, or with it as a prefix (crictl shows short ids). */
export function matchesId(id: string, wanted: string | undefined): boolean {
  return !wanted || id.startsWith(wanted);
}
