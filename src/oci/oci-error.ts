/** A CRI config that no spec can be made from. `field` is the CRI field path, for example `config.linux.security_context.run_as_user`. */
export class OciError extends Error {
  readonly field: string;
  readonly code: 'INVALID_ARGUMENT' | 'FAILED_PRECONDITION';

  constructor(field: string, message: string, code: 'INVALID_ARGUMENT' | 'FAILED_PRECONDITION' = 'INVALID_ARGUMENT') {
    super(`${field}: ${message}`);
    this.name = 'OciError';
    this.field = field;
    this.code = code;
  }
}
