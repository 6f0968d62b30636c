/** The versions of the CNI specification that results are understood in, oldest first. */
export const CNI_VERSIONS: readonly string[] = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];

/** True when `version` is `least` or newer; both are versions we know. */
export function atLeast(version: string, least: string): boolean {
  return CNI_VERSIONS.indexOf(version) >= CNI_VERSIONS.indexOf(least);
}

/** The newest of `versions` that we know, or undefined. */
export function newestKnown(versions: readonly string[]): string | undefined {
  return CNI_VERSIONS.filter((version) => versions.includes(version)).at(-1);
}
