import { Duplex } from 'node:stream';
import { CLIENT_SENDS_BYTES, refuse } from '../../../src/streaming/http-answer';
import { settle } from '../../support/streaming/until';

function client() {
  const sent: Buffer[] = [];
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      sent.push(chunk);
      done();
    },
  });
  return { socket, text: () => Buffer.concat(sent).toString() };
}

describe('A client that was refused', () => {
  it('may go on sending so many bytes, and not one more', async () => {
    const { socket, text } = client();
    refuse(socket, 404, 'not here');
    socket.push(Buffer.alloc(CLIENT_SENDS_BYTES));
    await settle(2);
    expect([text().startsWith('HTTP/1.1 404 Not Found\r\n'), socket.destroyed]).toEqual([true, false]);
    socket.push(Buffer.alloc(1));
    await settle(2);
    expect(socket.destroyed).toBe(true);
  });
});
