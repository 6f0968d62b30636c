import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { PIECE_BYTES, pacedSocket } from '../../../src/streaming/paced-socket';
import { TURN_MS, TurnShare } from '../../../src/streaming/turn-share';
import { settle, until } from '../../support/streaming/until';

let server: Server;
const open: Duplex[] = [];
beforeAll(async () => {
  server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  for (const each of open.splice(0)) each.destroy();
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

/** A client and our paced end of its connection. */
async function paced(head = '', turns = new TurnShare()) {
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const { port } = server.address() as { port: number };
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => undefined);
  const socket = await accepted;
  const ours = pacedSocket(socket, Buffer.from(head), turns);
  open.push(client, ours);
  return { client, socket, ours };
}

function collect(from: Duplex) {
  const seen = { text: '', ended: false, pieces: [] as number[] };
  from.on('data', (piece: Buffer) => {
    seen.text += piece.toString('latin1');
    seen.pieces.push(piece.length);
  });
  from.on('end', () => {
    seen.ended = true;
  });
  return seen;
}

describe('A paced connection', () => {
  it('begins with what was read before, and ends as the client ends', async () => {
    const { client, ours } = await paced('head ');
    const seen = collect(ours);
    client.end('and tail');
    await until('the end', () => seen.ended);
    expect(seen.text).toBe('head and tail');
    ours.end('answer');
    const answer = collect(client);
    await until('the answer', () => answer.ended);
    expect(answer.text).toBe('answer');
    await until('it is closed', () => ours.closed);
  });

  it('is read in pieces of no more than the limit, with nothing lost', async () => {
    const text = Array.from({ length: 200_000 }, (_, at) => String.fromCharCode(97 + (at % 26))).join('');
    const { client, ours } = await paced(text.slice(0, PIECE_BYTES + 1));
    const seen = collect(ours);
    client.end(text.slice(PIECE_BYTES + 1));
    await until('the end', () => seen.ended);
    expect(seen.text === text).toBe(true);
    expect(seen.pieces.slice(0, 2)).toEqual([PIECE_BYTES, 1]);
    expect(Math.max(...seen.pieces)).toBe(PIECE_BYTES);
  });

  it('waits for the next turns once the time of one is used up', async () => {
    const clock = { now: 0 };
    const { client, ours } = await paced('', new TurnShare(TURN_MS, () => clock.now));
    let [inTurn, most, seen] = [0, 0, 0];
    ours.on('data', (piece: Buffer) => {
      clock.now += TURN_MS / 2;
      seen += piece.length;
      most = Math.max(most, ++inTurn);
    });
    const reset = (): void => {
      inTurn = 0;
      if (seen < 200_000) setImmediate(reset);
    };
    setImmediate(reset);
    client.write(Buffer.alloc(200_000));
    await until('all of it', () => seen === 200_000);
    // Two in the line of a turn, and two that came in between by the socket itself.
    expect(most).toBeLessThanOrEqual(4);
  });

  it('lets another connection have its turn meanwhile', async () => {
    const turns = new TurnShare(1);
    const [flood, other] = [await paced('', turns), await paced('', turns)];
    let flooding = true;
    flood.ours.on('data', () => {
      const since = performance.now();
      while (performance.now() - since < 2); // a piece that takes longer than a turn has
    });
    const fill = (): void => {
      while (flooding && flood.client.write(Buffer.alloc(65_536)));
    };
    flood.client.on('drain', fill);
    fill();
    const seen = collect(other.ours);
    other.client.write('served');
    await until('the other one is read', () => seen.text === 'served');
    flooding = false;
  });

  it('is not read while nobody reads it', async () => {
    const { client, socket, ours } = await paced();
    ours.pause();
    const sent = 16 << 20;
    client.write(Buffer.alloc(sent));
    let before = -1;
    await until('nothing moves', () => {
      const still = socket.bytesRead === before && before > 0 && socket.isPaused();
      before = socket.bytesRead;
      return still;
    });
    await settle();
    expect(ours.readableLength).toBeLessThanOrEqual(PIECE_BYTES);
    expect(socket.bytesRead).toBeLessThan(1 << 20);
    let seen = 0;
    ours.on('data', ({ length }: Buffer) => {
      seen += length;
    });
    ours.resume();
    await until('all of it', () => seen === sent);
  });

  it('holds up whoever writes more than the client takes', async () => {
    const { client, ours } = await paced();
    client.pause();
    let taken = 0;
    const write = (): void => {
      let room = true;
      for (; room && taken < 64 << 20; taken += 65_536) room = ours.write(Buffer.alloc(65_536));
    };
    ours.on('drain', write);
    write();
    let before = -1;
    await until('it waits', () => {
      const still = before === taken && taken > 0;
      before = taken;
      return still;
    });
    expect(taken).toBeLessThan(40 << 20);
    expect(ours.writableLength).toBeLessThan(1 << 20);
  });

  it('closes with the client’s, and the client’s with it', async () => {
    const first = await paced();
    first.client.resetAndDestroy();
    await until('ours is closed', () => first.ours.closed);
    const second = await paced();
    const seen = collect(second.client);
    second.ours.destroy();
    await until('the client is told', () => seen.ended || second.client.closed);
    expect(second.socket.destroyed).toBe(true);
  });
});
