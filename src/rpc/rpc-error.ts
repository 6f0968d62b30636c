import type { Code } from './code';

/** A failed call with the status its client is to see. Thrown by stories only. */
export class RpcError extends Error {
  override readonly name = 'RpcError';

  constructor(
    readonly code: Code,
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(message, options);
  }
}
