/** Nanoseconds since 1970; 0 for a timestamp that is not set, as Go's zero time is. */
export function toNanos(timestamp: { seconds: bigint; nanos: number } | undefined): bigint {
  if (!timestamp || timestamp.seconds < 0n) return 0n;
  return timestamp.seconds * 1_000_000_000n + BigInt(timestamp.nanos);
}
