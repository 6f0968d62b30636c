/** What one connection may ask of our memory. A peer that goes beyond is cut off. */
export interface SpdyLimits {
  /** Longest control frame, in bytes. Data frames are passed on as they come in, so their length costs nothing. */
  readonly controlBytes: number;
  /** Largest header block once inflated, in bytes. */
  readonly headerBytes: number;
  readonly headers: number;
  /** Streams open at a time; a further one is refused, which does not end the connection. */
  readonly streams: number;
  /** Bytes of a stream that wait for their reader, above which the connection is not read any more. */
  readonly streamBytes: number;
  /** Bytes of answers (replies, pongs) that the peer leaves lying. */
  readonly answerBytes: number;
}

/**
 * Far above what any known client needs: kubectl opens two streams per forwarded connection, with four headers each. Headers
 * are kept as long as their stream. What all connections have together is in SharedLimits.
 */
export const SPDY_LIMITS: SpdyLimits = {
  controlBytes: 16 * 1024,
  headerBytes: 4 * 1024,
  headers: 100,
  streams: 1000,
  streamBytes: 64 * 1024,
  answerBytes: 64 * 1024,
};

/** The peer broke the protocol, or asked too much; its connection is over. */
export class SpdyError extends Error {
  override readonly name = 'SpdyError';
}
