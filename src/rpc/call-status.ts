import { constants, type IncomingHttpHeaders } from 'node:http2';
import { Code, toCode } from './code';

/** How a call ended. */
export interface CallStatus {
  readonly code: Code;
  readonly message: string;
}

/** What HTTP says when gRPC says nothing (gRPC's "HTTP to gRPC status code mapping"). */
const BY_HTTP_STATUS = new Map<number, Code>([
  [400, Code.INTERNAL],
  [401, Code.UNAUTHENTICATED],
  [403, Code.PERMISSION_DENIED],
  [404, Code.UNIMPLEMENTED],
  [429, Code.UNAVAILABLE],
  [502, Code.UNAVAILABLE],
  [503, Code.UNAVAILABLE],
  [504, Code.UNAVAILABLE],
]);

/** What a reset of the stream means (gRPC over HTTP2, "Errors"). */
const BY_RESET = new Map<number, Code>([
  [constants.NGHTTP2_REFUSED_STREAM, Code.UNAVAILABLE],
  [constants.NGHTTP2_CANCEL, Code.CANCELLED],
  [constants.NGHTTP2_ENHANCE_YOUR_CALM, Code.RESOURCE_EXHAUSTED],
  [constants.NGHTTP2_INADEQUATE_SECURITY, Code.PERMISSION_DENIED],
]);

/** The status in a block of headers or trailers; undefined when there is none. */
export function statusIn(headers: IncomingHttpHeaders): CallStatus | undefined {
  const status = headers['grpc-status'];
  if (status !== undefined) return { code: toCode(Number(status)), message: decoded(headers['grpc-message']) };
  const http = Number(headers[':status'] ?? 200);
  if (http === 200) return undefined;
  return {
    code: BY_HTTP_STATUS.get(http) ?? Code.UNKNOWN,
    message: `the other side answered with HTTP status ${http}`,
  };
}

/** The status as trailers. Bytes that a header cannot have are percent-encoded, as is the percent sign. */
export function statusHeaders({ code, message }: CallStatus): Record<string, string> {
  if (message === '') return { 'grpc-status': String(code) };
  return { 'grpc-status': String(code), 'grpc-message': message.replace(/[^ -$&-~]+/gu, encodeURIComponent) };
}

/** The status of a stream that was reset, or ended, without one. */
export function statusOfReset(reset: number): CallStatus {
  return {
    code: BY_RESET.get(reset) ?? Code.INTERNAL,
    message: `the call ended without a status, reset code ${reset}`,
  };
}

/** Percent-encoded on the wire; what was not encoded well is shown as it is. */
function decoded(message: string | string[] | undefined): string {
  const text = String(message ?? '');
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
