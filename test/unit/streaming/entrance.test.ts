import { EventEmitter } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Entrance } from '../../../src/streaming/entrance';
import { HEAD_BYTES } from '../../../src/streaming/request-head';
import { until } from '../../support/streaming/until';

let server: Server;
let entrance: Entrance;
const admitted: Buffer[] = [];
const clients: Socket[] = [];

beforeEach(async () => {
  admitted.length = 0;
  entrance = new Entrance({
    most: 10,
    headWithinMs: 100,
    knows: (path) => path === '/known',
    admit: (socket, head) => {
      admitted.push(head);
      socket.end('admitted');
      socket.resume();
    },
    onDropped: () => undefined,
  });
  server = createServer({ allowHalfOpen: true }, (socket) => {
    entrance.connected(socket);
    entrance.read(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await new Promise((resolve) => server.close(resolve));
});

function dial(): Socket & { seen: string } {
  const { port } = server.address() as { port: number };
  const client = Object.assign(connect({ port, host: '127.0.0.1' }), { seen: '' });
  client.on('data', (chunk) => {
    client.seen += chunk;
  });
  client.on('error', () => undefined);
  clients.push(client);
  return client;
}

describe('At the entrance, a client', () => {
  it('that trickles its head is closed when its time is up', async () => {
    const client = dial();
    const trickle = setInterval(() => client.write('x'), 5);
    await until('it is closed', () => client.closed);
    clearInterval(trickle);
    await until('it is forgotten', () => entrance.size === 0);
    expect(client.seen).toBe('');
  });

  it('that says nothing is closed when its time is up', async () => {
    const client = dial();
    await until('it is closed', () => client.closed);
    await until('it is forgotten', () => entrance.size === 0);
  });

  it('that sends its head byte by byte has it copied a few times at most', async () => {
    const socket = new EventEmitter() as unknown as Socket;
    Object.assign(socket, { pause: () => socket, resume: () => socket, end: () => socket });
    const head = Buffer.from(`GET /known HTTP/1.1\r\nX: ${'x'.repeat(HEAD_BYTES - 100)}\r\n\r\n`);
    const [concat, copy] = [jest.spyOn(Buffer, 'concat'), jest.spyOn(Buffer.prototype, 'copy')];
    try {
      entrance.read(socket);
      for (const byte of head) socket.emit('data', Buffer.of(byte));
      const joined = concat.mock.results.map(({ value }) => (value as Buffer).length);
      const copied = copy.mock.results.map(({ value }) => value as number);
      expect([...joined, ...copied].reduce((sum, each) => sum + each, 0)).toBeLessThan(4 * HEAD_BYTES);
    } finally {
      concat.mockRestore();
      copy.mockRestore();
    }
    expect(admitted).toEqual([head]);
  });

  it('with a known path has no limit any more, and all that it sent goes with it', async () => {
    const client = dial();
    client.write('GET /known HTTP/1.1\r\n\r\nbehind');
    await until('it is admitted', () => admitted.length === 1);
    expect([entrance.size, String(admitted[0])]).toEqual([0, 'GET /known HTTP/1.1\r\n\r\nbehind']);
    await until('the answer', () => client.seen === 'admitted');
  });

  it.each([
    ['GET /other HTTP/1.1\r\n\r\n', 404],
    ['nonsense\r\n\r\n', 400],
    [`GET /known HTTP/1.1\r\nX: ${'x'.repeat(17_000)}`, 431],
  ])('is refused with a word: %#', async (text, code) => {
    const client = dial();
    client.write(text);
    await until('the answer', () => client.seen.startsWith(`HTTP/1.1 ${code} `));
    await until('it is closed', () => client.closed);
    await until('it is forgotten', () => entrance.size === 0);
    expect(admitted).toEqual([]);
  });
});
