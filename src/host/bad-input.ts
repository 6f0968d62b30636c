/** A request, or the image it names, holds something that cannot be used here; the message names it. */
export class BadInputError extends Error {
  override readonly name = 'BadInputError';
}
