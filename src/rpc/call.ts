import type { Logger } from '../base/logger';

/** One incoming RPC. */
export interface Call {
  /** For example `RunPodSandbox`. */
  readonly method: string;
  /** Fires when the caller goes or its deadline passes; its reason is an RpcError. */
  readonly signal: AbortSignal;
  /** Adds the method and a number of its own to every line. */
  readonly log: Logger;
  /** A header of the request by its lower-case name; absent in calls that came by another way. */
  readonly header?: (name: string) => string | undefined;
}
