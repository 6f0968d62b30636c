export type StdioErrorCode = 'NOT_OPEN' | 'NO_STDIN' | 'BAD_FIFO' | 'BAD_LOG';

/** What io/ throws: the container is not open here, has no stdin, or a FIFO or log file cannot be used. */
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
