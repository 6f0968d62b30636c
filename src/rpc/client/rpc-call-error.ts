import type { Code } from '../code';

/** A call of ours that the other side, or the way there, failed. */
export class RpcCallError extends Error {
  override readonly name = 'RpcCallError';

  constructor(
    readonly code: Code,
    message: string,
    /** `package.Service/Method`. */
    readonly method: string,
  ) {
    super(message);
  }
}
