import { BytePool } from '../../../../src/base/byte-pool';
import { Seats } from '../../../../src/base/seats';
import { SPDY_LIMITS } from '../../../../src/streaming/spdy/limits';
import { type SessionPair, useSessions } from '../../../support/streaming/session-pair';
import { control, data, FIN, PING, word } from '../../../support/streaming/spdy-client';
import { settle, until } from '../../../support/streaming/until';

const connected = useSessions();
const REFUSED = 3;

async function streamsOf(pair: SessionPair, count: number) {
  const theirs = [];
  for (let i = 0; i < count; i++) theirs.push(await pair.client.open({ streamtype: `${i}` }));
  await until(`${count} streams`, () => pair.streams.length === count);
  return { theirs, ours: pair.streams.slice(-count) };
}

/** Resolves when the connection is read no further. */
async function stopped({ socket }: SessionPair): Promise<void> {
  let before = -1;
  await until('nothing moves', () => {
    const still = before === socket.bytesRead && socket.isPaused();
    before = socket.bytesRead;
    return still;
  });
}

describe('What many streams of a connection have unread', () => {
  it('stops it at the limit, though none of them is full, and lets it go on as they are read', async () => {
    const unread = new BytePool({ all: 1 << 30, each: 1 << 20, own: 64 * 1024 });
    const pair = await connected({}, undefined, { unread });
    const { theirs, ours } = await streamsOf(pair, 100);
    const size = SPDY_LIMITS.streamBytes - 1;
    for (const stream of theirs) stream.write(Buffer.alloc(size));
    await stopped(pair);
    expect(unread.bytes).toBeGreaterThanOrEqual(1 << 20);
    expect(unread.bytes).toBeLessThan((1 << 20) + 128 * 1024);
    let read = 0;
    for (const { io } of ours) {
      io.on('data', ({ length }: Buffer) => {
        read += length;
      });
    }
    await until('all of it', () => read === 100 * size);
    expect(unread.bytes).toBe(0);
  });

  it('stops others only where they have much unread themselves, and is given back with its connection', async () => {
    const unread = new BytePool({ all: 256 * 1024, each: 1 << 20, own: 16 * 1024 });
    const hog = await connected({}, undefined, { unread });
    const { theirs } = await streamsOf(hog, 10);
    for (const stream of theirs) stream.write(Buffer.alloc(SPDY_LIMITS.streamBytes - 1));
    await stopped(hog);
    const held = unread.bytes;
    expect(held).toBeGreaterThanOrEqual(256 * 1024);
    const other = await connected({}, undefined, { unread });
    const { theirs: sending } = await streamsOf(other, 2);
    sending[0]?.write(Buffer.alloc(8 * 1024));
    await other.client.ping();
    expect(unread.bytes).toBe(held + 8 * 1024);
    sending[1]?.write(Buffer.alloc(60 * 1024));
    await stopped(other);
    hog.client.destroy();
    await other.client.ping(3);
    expect(unread.bytes).toBe(68 * 1024);
    other.client.destroy();
    await until('all is given back', () => unread.bytes === 0);
  });

  it('takes little more memory than its bytes when they come one by one', async () => {
    const pair = await connected();
    const { ours } = await streamsOf(pair, 1);
    const single = Buffer.concat(Array.from({ length: 1000 }, () => data(1, Buffer.from('x'))));
    for (let i = 0; i < 60; i++) pair.client.send(single);
    pair.client.send(data(1, Buffer.alloc(0), FIN));
    await pair.client.ping();
    const chunks: number[] = [];
    ours[0]?.io.on('data', ({ length }: Buffer) => chunks.push(length));
    await until('all of it', () => chunks.reduce((sum, each) => sum + each, 0) === 60_000);
    expect(chunks.length).toBeLessThan(20);
  });
});

describe('The streams of all connections', () => {
  it('may be so many of one owner; a further one is refused until another is over', async () => {
    const streams = new Seats(6, 3);
    const [first, second] = [await connected({}, undefined, { streams }), await connected({}, undefined, { streams })];
    const { ours } = await streamsOf(first, 2);
    await streamsOf(second, 1);
    const refused = await second.client.open({});
    await until('the refusal', () => refused.reset === REFUSED);
    ours[0]?.io.destroy();
    const next = await second.client.open({});
    await until('the reply', () => next.replied);
    first.client.destroy();
    second.client.destroy();
    await until('all seats are free', () => streams.taken === 0);
  });
});

describe('At its limit', () => {
  it('a control frame is read, also in pieces; a byte longer, and the client is cut off', async () => {
    const pair = await connected();
    const longest = control(PING, Buffer.concat([word(1), Buffer.alloc(SPDY_LIMITS.controlBytes - 4)]));
    pair.client.send(longest);
    await until('the answer', () => pair.client.frames.length === 1);
    for (let at = 0; at < longest.length; at += 1000) {
      pair.client.send(longest.subarray(at, at + 1000));
      await settle(1);
    }
    await until('the answer', () => pair.client.frames.length === 2);
    pair.client.send(control(PING, Buffer.alloc(SPDY_LIMITS.controlBytes + 1)));
    await until('it is cut off', () => pair.state.closed === 1);
  });

  it.each([
    [0, 1],
    [1, 0],
  ])('a block of headers with %d bytes more opens %d streams', async (more, streams) => {
    const pair = await connected();
    const value = 'x'.repeat(SPDY_LIMITS.headerBytes - 'large'.length - 12 + more);
    await pair.client.open({ large: value });
    await until('it is read', () => pair.streams.length === 1 || pair.state.closed === 1);
    expect([pair.streams.length, pair.state.closed]).toEqual([streams, 1 - streams]);
  });
});
