import { errorMessage } from '../base/errors';
import { DeadlineError } from '../base/wait/deadline';
import { CniError } from '../cni/cni-error';
import { ContainerdError } from '../containerd/errors';
import { BadInputError } from '../host/bad-input';
import { HostPathError } from '../host/mount/safe-path';
import { PullError } from '../images/errors';
import { OciError } from '../oci/oci-error';
import type { Call } from '../rpc/call';
import { Code } from '../rpc/code';
import { RpcError } from '../rpc/rpc-error';
import { EventsDropped } from '../state/container-events';
import { AmbiguousId } from '../state/id-map';
import { NameTaken } from '../state/name-index';
import { StdioError } from '../stdio/stdio-error';
import { TooManyRequests } from '../streaming/request-cache';

/** What a client sees of a failed call. */
export interface Status {
  code: Code;
  message: string;
  /** An ordinary answer to the question, or an end without a fault: nobody needs to be warned of it. */
  expected?: boolean;
  /** Of an error that nobody foresaw, which is a bug. */
  stack?: string;
}

/** By these kubelet asks also about what it has just removed: that it is gone is what it wants to hear. */
const QUESTIONS = new Set(['ContainerStatus', 'PodSandboxStatus', 'ContainerStats', 'PodSandboxStats']);

/** These have no end of their own: the reader ends them, by leaving or by its deadline, or the server by its stop. */
const ENDLESS = new Set(['GetContainerEvents']);

/** Something the request lacks or has wrong; `field` is its path in the request. */
export function invalid(field: string, problem: string): RpcError {
  return new RpcError(Code.INVALID_ARGUMENT, `${field}: ${problem}`);
}

/** The thing a request names does not exist: kubelet takes that as "it is gone". */
export function notFound(kind: string, id: string): RpcError {
  return new RpcError(Code.NOT_FOUND, `there is no ${kind} "${id}"`);
}

/** The thing exists but is in a state in which this cannot be done. */
export function notReady(message: string): RpcError {
  return new RpcError(Code.FAILED_PRECONDITION, message);
}

/** There is no room for what is asked, because of what others have: it may succeed later. */
export function exhausted(message: string): RpcError {
  return new RpcError(Code.RESOURCE_EXHAUSTED, message);
}

/** What is asked cannot be told now: kubelet keeps what it knew, and asks again. */
export function unavailable(message: string): RpcError {
  return new RpcError(Code.UNAVAILABLE, message);
}

/**
 * Characters of a status's message and of a stack. A message may quote what a request, an image or a plugin has said, which may
 * be megabytes: clients take headers of some kilobytes only (16 KiB in Node's HTTP/2), and each goes into the log.
 */
export const MAX_MESSAGE = 4096;

/** The one place where what was thrown becomes a status. */
export function toStatus(thrown: unknown, call: Call): Status {
  const message = shortened(errorMessage(thrown));
  const known = knownCode(thrown);
  if (known === undefined) return { code: Code.INTERNAL, message, stack: stackOf(thrown) };
  const expected = isExpected(thrown, known, call);
  return { code: known, message: prefixed(thrown, message), ...(expected && { expected }) };
}

function stackOf(thrown: unknown): string {
  return shortened((thrown instanceof Error && thrown.stack) || 'none');
}

/** Not in the middle of a character: one half alone is no UTF-8. */
function shortened(text: string): string {
  if (text.length <= MAX_MESSAGE) return text;
  return `${text.slice(0, MAX_MESSAGE).replace(/[\ud800-\udbff]$/, '')}... (${text.length} characters)`;
}

function isExpected(thrown: unknown, code: Code, { method, signal }: Call): boolean {
  if (thrown instanceof EventsDropped) return true; // the drop itself has been logged
  if (ENDLESS.has(method) && signal.aborted && thrown === signal.reason) return true;
  return code === Code.NOT_FOUND && QUESTIONS.has(method);
}

function knownCode(thrown: unknown): Code | undefined {
  if (thrown instanceof RpcError) return thrown.code;
  if (thrown instanceof ContainerdError) return codeOfContainerd(thrown.code);
  if (thrown instanceof OciError) return Code[thrown.code];
  if (thrown instanceof PullError) return Code.UNKNOWN;
  if (thrown instanceof CniError) return Code.UNKNOWN;
  if (thrown instanceof AmbiguousId) return Code.INVALID_ARGUMENT;
  if (thrown instanceof NameTaken) return Code.ALREADY_EXISTS;
  if (thrown instanceof DeadlineError) return Code.DEADLINE_EXCEEDED;
  if (thrown instanceof TooManyRequests || thrown instanceof EventsDropped) return Code.RESOURCE_EXHAUSTED;
  if (thrown instanceof BadInputError) return Code.INVALID_ARGUMENT;
  if (thrown instanceof StdioError) return thrown.code === 'UNAVAILABLE' ? Code.UNAVAILABLE : Code.FAILED_PRECONDITION;
  // A path of the host that does not answer, a log or FIFO that cannot be opened: the node's state, not the request's.
  if (thrown instanceof HostPathError) return Code.FAILED_PRECONDITION;
  return undefined;
}

/** Only a story may say that something is gone or that an RPC is not offered: kubelet acts on both. */
function codeOfContainerd(code: Code): Code {
  return code === Code.NOT_FOUND || code === Code.UNIMPLEMENTED ? Code.INTERNAL : code;
}

/** kubelet looks for these words at the start of a failed pull's message. */
function prefixed(thrown: unknown, message: string): string {
  if (!(thrown instanceof PullError)) return message;
  if (thrown.kind === 'registry') return `RegistryUnavailable: ${message}`;
  if (thrown.kind === 'signature') return `SignatureValidationFailed: ${message}`;
  return message;
}
