/** Longest ClientHello that is waited for, in bytes. Those of Go, OpenSSL and browsers have less than 2 KiB. */
export const HELLO_BYTES = 16 * 1024;

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** Type, version and length of a record; type and length of the message in it. */
const RECORD_HEAD = 5;
const HEADS = RECORD_HEAD + 4;

/**
 * How many bytes a client sends before it waits for the server's answer, as far as `sent`, its first ones, tell: the record with
 * its ClientHello (RFC 8446, 4 and 5.1). Undefined when they begin no such record, or one that has a part of the message only.
 */
export function helloBytes(sent: Buffer): number | undefined {
  if (sent[0] !== HANDSHAKE) return undefined;
  if (sent.length < HEADS) return HEADS;
  const record = RECORD_HEAD + sent.readUInt16BE(3);
  const message = HEADS + sent.readUIntBE(RECORD_HEAD + 1, 3);
  const isWhole = sent[RECORD_HEAD] === CLIENT_HELLO && message <= record && record <= HELLO_BYTES;
  return isWhole ? record : undefined;
}
