import { errorMessage } from '../base/errors';
import type { RpcCallError } from '../rpc/client/rpc-call-error';
import { Code } from '../rpc/code';

/** containerd answered a call with an error, or could not be reached. `method` is `package.Service/Method`. */
export class ContainerdError extends Error {
  override readonly name = 'ContainerdError';

  constructor(
    readonly code: Code,
    message: string,
    readonly method: string,
  ) {
    super(message);
  }
}

/** What a failed call of the transport means here. */
export function toContainerdError(error: RpcCallError): ContainerdError {
  return new ContainerdError(error.code, error.message, error.method);
}

/**
 * The error for an answer that was OK and does not say what it must: it is no answer, and nothing follows from it. `how`
 * completes "containerd answered …".
 */
export function malformed(service: { readonly fullName: string }, method: string, how: string): ContainerdError {
  return new ContainerdError(Code.INTERNAL, `containerd answered ${how}`, `${service.fullName}/${method}`);
}

/** The thing that was named does not exist. Older daemons send no details: the code is all there is. */
export function isNotFound(thrown: unknown): boolean {
  return hasCode(thrown, Code.NOT_FOUND);
}

/** A thing of that name exists. */
export function isAlreadyExists(thrown: unknown): boolean {
  return hasCode(thrown, Code.ALREADY_EXISTS);
}

/** The daemon cannot be reached, or holds a lock for somebody else. */
export function isUnavailable(thrown: unknown): boolean {
  return hasCode(thrown, Code.UNAVAILABLE);
}

/** Nothing has answered in time; what was asked for may still happen. */
export function isDeadlineExceeded(thrown: unknown): boolean {
  return hasCode(thrown, Code.DEADLINE_EXCEEDED);
}

/**
 * The shim has gone. The daemon passes on what its own connection to the shim said, without a code. It is putting away what
 * is left, or another deletion has just ended the shim; a deletion that fails so has made it forget the task.
 */
export function isShimGone(thrown: unknown): boolean {
  return hasCode(thrown, Code.UNKNOWN) && /\bttrpc: (server )?closed\b/.test((thrown as ContainerdError).message);
}

/*
 * What follows goes by words, because containerd passes on what a shim or the OCI runtime said without a code of its own.
 * test/integration/error-words.test.ts provokes each on the real daemon of each release.
 */

/**
 * The OCI runtime has state of a container of that id, though the shim has none. runc says `container with given ID already
 * exists` (libcontainer's ErrExist, runc 1.1 to 1.4), crun ``container `ID` already exists``; containerd 1.6 and 2.x pass it on
 * from the shim's Create.
 */
export function isKnownToRuntime(thrown: unknown): boolean {
  return /already exists/.test(errorMessage(thrown));
}

/**
 * The directory that containerd keeps for a task is there: `mkdir PATH: file exists`, by NewBundle in containerd's runtime/v2 of
 * 1.6 and core/runtime/v2 of 2.x. It stays while the daemon deletes what is left of a task, for which it gives the shim five
 * seconds: the output of a creation that was cut off ends only when `runc init` does.
 */
export function isBundleThere(thrown: unknown): boolean {
  return /mkdir .*: file exists/.test(errorMessage(thrown));
}

/**
 * A process cannot be deleted because it runs: `cannot delete a running process`, by the process states of runc's shim
 * (pkg/process in 1.6, cmd/containerd-shim-runc-v2/process in 2.x).
 */
export function isRunning(thrown: unknown): boolean {
  return /running/.test(errorMessage(thrown));
}

/** This release of the daemon, or its configuration, does not have the method. */
export function isUnimplemented(thrown: unknown): boolean {
  return hasCode(thrown, Code.UNIMPLEMENTED);
}

/** Its outcome; undefined when containerd says that the thing does not exist. */
export async function orAbsent<T>(outcome: Promise<T>): Promise<T | undefined> {
  try {
    return await outcome;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** True when it was done, false when there was nothing to do it to. */
export async function wasThere(outcome: Promise<unknown>): Promise<boolean> {
  try {
    await outcome;
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

function hasCode(thrown: unknown, code: Code): boolean {
  return thrown instanceof ContainerdError && thrown.code === code;
}
