export type StdioErrorCode = 'NOT_OPEN' | 'NO_STDIN' | 'BAD_FIFO' | 'BAD_LOG' | 'UNAVAILABLE' | 'FAILED';

/**
 * What io/ throws: the container is not open here, has no stdin, a FIFO or log file cannot be used, the process that has
 * the stdio does not answer; FAILED is what nobody foresaw.
 */
export class StdioError extends Error {
  override readonly name = 'StdioError';
  constructor(
    readonly code: StdioErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
