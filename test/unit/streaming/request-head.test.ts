import { HEAD_BYTES, readHead } from '../../../src/streaming/request-head';

const read = (text: string, from = 0) => readHead(Buffer.from(text, 'latin1'), from);

/** A head of so many bytes. */
function headOf(length: number): string {
  const [start, end] = ['GET /exec/a HTTP/1.1\r\nX: ', '\r\n\r\n'];
  return `${start}${'x'.repeat(length - start.length - end.length)}${end}`;
}

describe('The head of a request', () => {
  it.each([
    ['POST /exec/abc HTTP/1.1\r\nHost: x\r\n\r\n', '/exec/abc'],
    ['GET /exec/abc?x=/y HTTP/1.0\r\n\r\nwhat follows', '/exec/abc?x=/y'],
    ['OPTIONS / HTTP/1.1\r\n\r\n', '/'],
  ])('tells its path: %j', (text, path) => {
    expect(read(text)).toEqual({ path });
  });

  it.each(['', 'GET', 'GET /exec/abc HTTP/1.1\r\n', 'GET /exec/abc HTTP/1.1\r\nHost: x\r\n\r'])(
    'is waited for while its end has not come: %j',
    (text) => {
      expect(read(text)).toBeUndefined();
    },
  );

  it.each(['garbage\r\n\r\n', '\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', 'GET  / HTTP/1.1\r\n\r\n', '\x16\x03\x01\r\n\r\n'])(
    'that is none is refused: %j',
    (text) => {
      expect(read(text)).toEqual({ code: 400, why: 'the request is not HTTP/1.1' });
    },
  );

  it('is found wherever it was cut', () => {
    const text = 'GET /exec/abc HTTP/1.1\r\nHost: x\r\n\r\n';
    for (let from = 0; from < text.length; from++) {
      expect(read(text.slice(0, from))).toBeUndefined();
      expect(read(text, from)).toEqual({ path: '/exec/abc' });
    }
  });

  it('may be as long as the limit, and not a byte longer, whether or not its end has come', () => {
    expect(read(headOf(HEAD_BYTES))).toEqual({ path: '/exec/a' });
    expect(read(headOf(HEAD_BYTES + 1))).toMatchObject({ code: 431 });
    expect(read('x'.repeat(HEAD_BYTES))).toBeUndefined();
    expect(read('x'.repeat(HEAD_BYTES + 1))).toMatchObject({ code: 431 });
  });
});
