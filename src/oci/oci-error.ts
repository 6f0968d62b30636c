export interface OciErrorOptions {
  /** FAILED_PRECONDITION: the request is fine, this host or sandbox cannot do it. */
  readonly code?: 'INVALID_ARGUMENT' | 'FAILED_PRECONDITION';
  /** A word that kubelet looks for at the start of the message, for example `RROUnsupported`. */
  readonly token?: string;
}

/** A CRI config that no spec can be made from. `field` is the CRI field path, for example `config.linux.security_context.run_as_user`. */
export class OciError extends Error {
  readonly field: string;
  readonly code: 'INVALID_ARGUMENT' | 'FAILED_PRECONDITION';
  readonly token: string;

  constructor(field: string, message: string, options: OciErrorOptions = {}) {
    super([options.token, field, message].filter(Boolean).join(': '));
    this.name = 'OciError';
    this.field = field;
    this.code = options.code ?? 'INVALID_ARGUMENT';
    this.token = options.token ?? '';
  }
}
