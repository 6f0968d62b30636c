/** The message of anything thrown, followed by those of its causes, each said once. */
export function errorMessage(thrown: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = thrown, depth = 0; at !== undefined && at !== null && depth < 8; depth++) {
    const text = textOf(at);
    if (text && !parts.some((part) => part.includes(text))) parts.push(text);
    at = isError(at) ? at.cause : undefined;
  }
  return parts.join(': ') || 'unknown error';
}

/** Node rejects with an AggregateError without a message when none of a host's addresses can be dialled. */
function textOf(thrown: unknown): string {
  if (!isError(thrown)) return String(thrown);
  const { message, errors } = thrown;
  return message === '' && Array.isArray(errors) ? errors.map(errorMessage).join(', ') : message;
}

/** True for the errors that Node throws when a signal fires. */
export function isAbort(thrown: unknown): boolean {
  return isError(thrown) && (thrown.name === 'AbortError' || thrown.name === 'TimeoutError');
}

/** By what it has: an error of another realm (a worker, a test's sandbox) is no instance of our Error. */
function isError(thrown: unknown): thrown is Error & { errors?: unknown } {
  return typeof thrown === 'object' && thrown !== null && 'message' in thrown && typeof thrown.message === 'string';
}

/** The `code` of a system error (`ENOENT`, …), if it has one. */
export function errnoOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}
