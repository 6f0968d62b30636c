import type { Timestamp } from '../../generated/google/protobuf/timestamp';

const NANOS = 1_000_000_000n;
/** Go's zero time is the first second of the year 1; containerd sends it for a time that was never set. */
const GO_ZERO_SECONDS = -62_135_596_800n;

/** Nanoseconds since 1970; 0n for an absent or unset time. */
export function toNanos(time: Timestamp | undefined): bigint {
  if (!time || time.seconds <= GO_ZERO_SECONDS) return 0n;
  return time.seconds * NANOS + BigInt(time.nanos);
}

/** The wire form of nanoseconds since 1970; 0n is an absent time. */
export function toTimestamp(nanos: bigint | undefined): Timestamp | undefined {
  if (!nanos) return undefined;
  const rest = ((nanos % NANOS) + NANOS) % NANOS; // nanos of a time before 1970 count forward, too
  return { seconds: (nanos - rest) / NANOS, nanos: Number(rest) };
}
