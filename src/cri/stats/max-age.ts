/** So many objects are read anew for every question about them. */
const FEW = 16;
/**
 * What is told of more objects may have been read this long ago, so that several callers cost as much as one. crictl asks
 * again after half a second at the soonest, and needs two answers that differ.
 */
const BULK_MAX_AGE_MS = 250;

/** How old may be what is told in an answer about so many containers or pods, in milliseconds; 0: it is read for the answer. */
export function maxAgeOf(count: number, bulkMaxAgeMs = BULK_MAX_AGE_MS): number {
  return count <= FEW ? 0 : bulkMaxAgeMs;
}
