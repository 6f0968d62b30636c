import { HELLO_BYTES, helloBytes } from '../../../src/streaming/client-hello';

/** A record of this type that holds the head of a message and so many bytes of it. */
function record({ type = 22, message = 1, says = 100, missing = 0 }): Buffer {
  const body = Buffer.alloc(4 + says - missing);
  body[0] = message;
  body.writeUIntBE(says, 1, 3);
  const head = Buffer.from([type, 3, 1, 0, 0]);
  head.writeUInt16BE(body.length, 3);
  return Buffer.concat([head, body]);
}

describe('A ClientHello', () => {
  it.each([1, 5, 8])('of which %d bytes are here is waited for up to its heads', (bytes) => {
    expect(helloBytes(record({}).subarray(0, bytes))).toBe(9);
  });

  it.each([9, 50, 109])('of which %d bytes are here is waited for up to its end', (bytes) => {
    expect(helloBytes(record({}).subarray(0, bytes))).toBe(109);
  });

  it('may be as long as is waited for, and not a byte longer', () => {
    expect(helloBytes(record({ says: HELLO_BYTES - 9 }))).toBe(HELLO_BYTES);
    expect(helloBytes(record({ says: HELLO_BYTES - 8 }))).toBeUndefined();
  });

  it.each([
    ['another kind of record', record({ type: 23 })],
    ['another message', record({ message: 2 })],
    ['a part of the message', record({ missing: 1 })],
    ['a request in clear', Buffer.from('GET / HTTP/1.1\r\n')],
  ])('is not %s', (_what, sent) => {
    expect(helloBytes(sent)).toBeUndefined();
  });
});
