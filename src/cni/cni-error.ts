/** Error codes of the CNI specification that are acted on; from 100 on they are a plugin's own. */
export const CniCode = { UNKNOWN_CONTAINER: 3, NOT_AVAILABLE: 50, LIMITED_CONNECTIVITY: 51 } as const;

/** A pod's network could not be set up, checked or taken down, or a network configuration cannot be used. */
export class CniError extends Error {
  override readonly name = 'CniError';
  /** The code a plugin answered; undefined when no plugin said this. */
  readonly code?: number;
  constructor(message: string, options: { cause?: unknown; code?: number } = {}) {
    super(message, { cause: options.cause });
    this.code = options.code;
  }
}

/** There is no usable network configuration. The words are the plugin's: people and tools look for them. */
export function notInitialized(why: string): CniError {
  return new CniError(`cni plugin not initialized: ${why}`);
}
