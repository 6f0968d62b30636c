/** Structured fields of a log line. Values are printed as JSON; a bigint is printed as a decimal number. */
export type LogFields = Record<string, unknown>;

/** What a room logs through. It is given one; only observability/ makes one. */
export interface Logger {
  /** False when debug lines go nowhere: look here before building an expensive message on a hot path. */
  readonly debugEnabled: boolean;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
}

/** A logger for tests and for code that runs before there is one. */
export const silentLogger: Logger = {
  debugEnabled: false,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
