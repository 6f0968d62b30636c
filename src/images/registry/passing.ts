const PASSING: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** True for the statuses of a server, or of a proxy on the way to it, that may answer otherwise in a moment. */
export function isPassing(status: number): boolean {
  return PASSING.has(status);
}
