import { Writable } from 'node:stream';
import { BytePool } from '../../../src/base/byte-pool';
import { type Backlog, OutputClient } from '../../../src/stdio/output-client';
import { settle } from '../../support/streaming/until';

/** A client that takes a chunk when it is told to. */
function clientOf(backlog: Backlog) {
  const chunks: Buffer[] = [];
  let taken: (() => void) | undefined;
  const to = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      taken = () => done();
    },
  });
  const told: string[] = [];
  const client = new OutputClient(to, backlog, {
    onGone: () => told.push('gone'),
    onSlow: () => told.push('slow'),
    onFlushed: () => told.push('flushed'),
  });
  const take = async (): Promise<void> => {
    const done = taken;
    taken = undefined;
    done?.();
    await settle(1);
  };
  return { client, chunks, told, take, to };
}

const UNLIMITED = { bytes: Number.POSITIVE_INFINITY };

describe('Output of a client that takes its time', () => {
  it('waits in few chunks, however small they came, and in order', async () => {
    const { client, chunks, take, told } = clientOf(UNLIMITED);
    const text = Array.from({ length: 10_000 }, (_, at) => String.fromCharCode(97 + (at % 26))).join('');
    for (const each of text) client.write(Buffer.from(each));
    client.write(Buffer.alloc(5000, '-'));
    client.write(Buffer.from('end'));
    client.end();
    expect([chunks.length, client.waiting]).toEqual([1, 15_003]);
    while (!told.includes('flushed')) await take();
    expect(Buffer.concat(chunks).toString()).toBe(`${text}${'-'.repeat(5000)}end`);
    expect(chunks.map(({ length }) => length)).toEqual([1, 9999, 5000, 3]);
  });

  it('is handed over at once when nothing is under way', async () => {
    const { client, chunks, take } = clientOf(UNLIMITED);
    client.write(Buffer.from('a'));
    await take();
    client.write(Buffer.from('b'));
    expect(chunks.map(String)).toEqual(['a', 'b']);
  });

  it('is the stream’s own when the client is let go, small chunks too', async () => {
    const { client, chunks, take } = clientOf(UNLIMITED);
    for (const each of 'abc') client.write(Buffer.from(each));
    client.release();
    await take();
    await take();
    expect(chunks.map(String)).toEqual(['a', 'bc']);
  });

  it('may be so much, and not a byte more', () => {
    const { client, told } = clientOf({ bytes: 100 });
    client.write(Buffer.alloc(60));
    client.write(Buffer.alloc(40));
    expect(told).toEqual([]);
    client.write(Buffer.alloc(1));
    expect(told).toEqual(['slow']);
  });
});

describe('Output of many clients', () => {
  const LIMITS = { all: 100, each: 60, own: 10 };

  it('may be so much together; then whoever has some waiting is slow, and whoever has none is not', () => {
    const pool = new BytePool(LIMITS);
    const [first, second, third] = [1, 2, 3].map(() => clientOf({ bytes: 60, share: pool.join() }));
    first?.client.write(Buffer.alloc(60));
    second?.client.write(Buffer.alloc(40));
    third?.client.write(Buffer.alloc(50));
    expect([first?.told, second?.told, third?.told]).toEqual([[], [], []]);
    second?.client.write(Buffer.alloc(1));
    expect(second?.told).toEqual(['slow']);
  });

  it('is given back as it is taken, and with the client', async () => {
    const pool = new BytePool(LIMITS);
    const { client, take } = clientOf({ bytes: 60, share: pool.join() });
    client.write(Buffer.alloc(30));
    client.write(Buffer.alloc(20));
    expect(pool.bytes).toBe(50);
    await take();
    expect(pool.bytes).toBe(20);
    client.release();
    expect(pool.bytes).toBe(0);
  });
});
