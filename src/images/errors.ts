import { errnoOf, errorMessage } from '../base/errors';
import { redactText } from './redact';

/** What kubelet is told a pull failed for: the registry could not be reached, a signature was refused, or anything else. */
export type PullErrorKind = 'registry' | 'signature' | 'other';

/**
 * A pull, or a part of one, that failed. The message tells its cause too and is free of secrets, whatever was put into
 * it, since it ends in the events of a pod: user info and queries of URLs, credentials and tokens are cut out here. That
 * is why the cause itself is not kept.
 */
export class PullError extends Error {
  override readonly name = 'PullError';
  /** The `code` of the error behind it, if it has one: ECONNREFUSED, … */
  readonly code: string | undefined;
  /** The status of the HTTP answer that refused what was asked for; undefined if there was none, or its content was wrong. */
  status: number | undefined;

  constructor(
    readonly kind: PullErrorKind,
    message: string,
    cause?: unknown,
  ) {
    super(redactText(cause === undefined ? message : `${message}: ${errorMessage(cause)}`));
    this.code = errnoOf(cause);
  }

  /** The same error, which knows now with which status it was answered. */
  withStatus(status: number): this {
    this.status = status;
    return this;
  }
}

/** A PullError of the kind 'other': bad input, or an answer that cannot be used. */
export function refused(message: string, cause?: unknown): PullError {
  return new PullError('other', message, cause);
}

/** A PullError of the kind 'registry': nobody answered, or the registry itself failed. */
export function unreachable(message: string, cause?: unknown): PullError {
  return new PullError('registry', message, cause);
}
