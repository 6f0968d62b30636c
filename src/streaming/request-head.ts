/** Longest head of a request, in bytes: Node's own limit (`http.maxHeaderSize`). kubectl's have a few hundred. */
export const HEAD_BYTES = 16 * 1024;

const HEAD_END = '\r\n\r\n';
const REQUEST_LINE = /^[A-Z]+ (\/\S*) HTTP\/1\.[01]$/;

/** What a request asks for, or why it is refused. */
export type RequestHead = { readonly path: string } | { readonly code: number; readonly why: string };

/**
 * The request whose head is at the start of `sent`; undefined while its end has not come. `from`: bytes that were looked at
 * before. Only the first line is read: what else a head says is looked at once the client has shown a token.
 */
export function readHead(sent: Buffer, from: number): RequestHead | undefined {
  const end = sent.indexOf(HEAD_END, Math.max(0, from - HEAD_END.length + 1), 'latin1');
  const length = end < 0 ? sent.length : end + HEAD_END.length;
  if (length > HEAD_BYTES) return { code: 431, why: `the head of the request is longer than ${HEAD_BYTES} bytes` };
  if (end < 0) return undefined;
  const path = REQUEST_LINE.exec(sent.toString('latin1', 0, sent.indexOf('\r\n', 0, 'latin1')))?.[1];
  return path === undefined ? { code: 400, why: 'the request is not HTTP/1.1' } : { path };
}
