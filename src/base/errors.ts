/** The message of anything thrown, followed by those of its causes, each said once. */
export function errorMessage(thrown: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = thrown, depth = 0; at !== undefined && at !== null && depth < 8; depth++) {
    const text = at instanceof Error ? at.message : String(at);
    if (text && !parts.some((part) => part.includes(text))) parts.push(text);
    at = at instanceof Error ? at.cause : undefined;
  }
  return parts.join(': ') || 'unknown error';
}

/** True for the errors that Node throws when a signal fires. */
export function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown.name === 'AbortError' || thrown.name === 'TimeoutError');
}

/** The `code` of a system error (`ENOENT`, …), if it has one. */
export function errnoOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}
