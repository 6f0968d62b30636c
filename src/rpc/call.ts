import type { LogFields, Logger } from '../base/logger';

/** One incoming RPC. */
export interface Call {
  /** For example `RunPodSandbox`. */
  readonly method: string;
  /** Fires when the caller goes or its deadline passes; its reason is an RpcError. */
  readonly signal: AbortSignal;
  /** When its caller gives up, in milliseconds since 1970: the signal fires then at the latest. Absent: never. */
  readonly deadline?: number;
  /** Adds the method and a number of its own to every line. */
  readonly log: Logger;
  /** A header of the request by its lower-case name; absent in calls that came by another way. */
  readonly header?: (name: string) => string | undefined;
  /** Adds fields to the one line that tells of the call's failure; absent where nobody logs that. */
  readonly note?: (fields: LogFields) => void;
  /** Says which part of the call's work begins; absent where nobody watches. */
  readonly stage?: (name: string) => void;
}
