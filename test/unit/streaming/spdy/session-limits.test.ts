import { Duplex } from 'node:stream';
import { silentLogger } from '../../../../src/base/logger';
import { sharedLimits } from '../../../../src/streaming/limits';
import { SPDY_LIMITS } from '../../../../src/streaming/spdy/limits';
import { SpdySession } from '../../../../src/streaming/spdy/session';
import { type SessionPair, useSessions } from '../../../support/streaming/session-pair';
import { control, data, FIN, PING, plainHeaders, RST_STREAM, word } from '../../../support/streaming/spdy-client';
import { settle, until } from '../../../support/streaming/until';

const connected = useSessions();

async function streamsOf(pair: SessionPair, count: number) {
  const theirs = [];
  for (let i = 0; i < count; i++) theirs.push(await pair.client.open({ streamtype: `${i}` }));
  await until(`${count} streams`, () => pair.streams.length === count);
  return { theirs, ours: pair.streams.slice(-count) };
}

describe('A stream that nobody reads', () => {
  it('stops the client, whose connection is read no further', async () => {
    const pair = await connected();
    const { theirs } = await streamsOf(pair, 1);
    const chunk = Buffer.alloc(65_536);
    for (let i = 0; i < 512; i++) theirs[0]?.write(chunk);
    let before = -1;
    await until('nothing moves', () => {
      const still = before === pair.socket.bytesRead && pair.socket.isPaused();
      before = pair.socket.bytesRead;
      return still;
    });
    expect(pair.socket.bytesRead).toBeLessThan(1 << 20);
    expect(pair.streams[0]?.io.readableLength).toBeLessThan(256 * 1024);
  });

  it('stops no other connection', async () => {
    const [stopped, other] = [await connected(), await connected()];
    const { theirs } = await streamsOf(stopped, 1);
    theirs[0]?.write(Buffer.alloc(1 << 20));
    await until('it is stopped', () => stopped.socket.isPaused());
    await other.client.ping();
  });

  it('lets its connection go on once it is read', async () => {
    const pair = await connected();
    const { theirs, ours } = await streamsOf(pair, 2);
    theirs[0]?.write(Buffer.alloc(4 << 20));
    theirs[1]?.end('behind it');
    await until('it is stopped', () => pair.socket.isPaused());
    let read = 0;
    ours[0]?.io.on('data', ({ length }: Buffer) => {
      read += length;
    });
    let text = '';
    ours[1]?.io.on('data', (chunk) => {
      text += chunk;
    });
    await until('all of it', () => read === 4 << 20 && text === 'behind it');
  });

  it('lets its connection go on once it is destroyed', async () => {
    const pair = await connected();
    const { theirs, ours } = await streamsOf(pair, 1);
    theirs[0]?.write(Buffer.alloc(1 << 20));
    await until('it is stopped', () => pair.socket.isPaused());
    ours[0]?.io.destroy();
    await pair.client.ping();
  });

  it('no longer stops its connection when all of it is here', async () => {
    const pair = await connected();
    const { theirs, ours } = await streamsOf(pair, 1);
    // In one piece, so that the end comes in with what fills the stream.
    pair.client.send(Buffer.concat([data(1, Buffer.alloc(65_536, 'x')), data(1, Buffer.alloc(0), FIN)]));
    await pair.client.ping();
    const other = await pair.client.open({});
    await until('a reply', () => other.replied);
    let read = 0;
    ours[0]?.io.on('data', ({ length }: Buffer) => {
      read += length;
    });
    await until('all of it', () => read === 65_536);
    await pair.client.ping(3);
    expect(theirs[0]?.ended).toBe(false);
  });

  it('does not hide that its client has left', async () => {
    const pair = await connected();
    pair.client.socket.on('close', () => undefined);
    const { theirs } = await streamsOf(pair, 1);
    pair.client.send(Buffer.concat([data(1, Buffer.alloc(65_536)), data(1, Buffer.alloc(0), FIN)]));
    await pair.client.ping();
    theirs[0]?.giveUp();
    pair.client.destroy();
    await until('the session ends', () => pair.state.closed === 1);
  });
});

describe('A client that asks too much', () => {
  async function cutOff(pair: SessionPair): Promise<void> {
    await until('it is cut off', () => pair.state.closed === 1 && (pair.client.closed || pair.client.ended));
  }

  it('is cut off: a control frame that is too long', async () => {
    const pair = await connected();
    pair.client.send(control(PING, Buffer.alloc(64 * 1024 + 1)).subarray(0, 8));
    await cutOff(pair);
  });

  it('is cut off: too many headers', async () => {
    const pair = await connected();
    await pair.client.open(Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`n${at}`, ''])));
    await cutOff(pair);
    expect(pair.streams).toEqual([]);
  });

  it('is cut off: headers that are too large', async () => {
    const pair = await connected();
    await pair.client.open({ large: 'x'.repeat(64 * 1024) });
    await cutOff(pair);
    expect(pair.streams).toEqual([]);
  });

  it('may have a thousand streams; a further one is refused until another is over', async () => {
    const pair = await connected();
    const { theirs, ours } = await streamsOf(pair, 1000);
    const refused = await pair.client.open({});
    await until('the refusal', () => refused.reset === 3);
    expect(refused.replied).toBe(false);
    expect(pair.session.streamCount).toBe(1000);
    theirs[7]?.end();
    ours[7]?.io.end();
    ours[7]?.io.resume();
    await until('one is over', () => pair.session.streamCount === 999);
    const next = await pair.client.open({});
    await until('the reply', () => next.replied);
  });

  it.each([
    ['an id twice', [1, 1]],
    ['a lower id', [3, 1]],
    ['an even id', [2]],
    ['the id 0', [0]],
  ])('is cut off: it opens a stream with %s', async (_what, ids) => {
    const pair = await connected();
    for (const id of ids) {
      const block = await pair.client.block(plainHeaders([]));
      pair.client.send(control(1, Buffer.concat([word(id), word(0), Buffer.from([0, 0]), block])));
    }
    await cutOff(pair);
  });

  it.each([
    ['SYN_STREAM', control(1, Buffer.alloc(9))],
    ['SYN_REPLY', control(2, Buffer.alloc(3))],
    ['RST_STREAM', control(RST_STREAM, Buffer.alloc(3))],
    ['PING', control(PING, Buffer.alloc(0))],
    ['HEADERS', control(8, Buffer.alloc(1))],
  ])('is cut off: a %s that is too short', async (_what, frame) => {
    const pair = await connected();
    pair.client.send(frame);
    await cutOff(pair);
  });

  it('is cut off when it does not read our answers', async () => {
    const socket = new Duplex({ read: () => undefined, write: () => undefined }); // takes nothing, ever
    const state = { closed: false };
    const session = new SpdySession(socket, {
      log: silentLogger,
      owner: 'pod',
      shared: sharedLimits(),
      limits: { ...SPDY_LIMITS, answerBytes: 256 * 1024 },
      onStream: () => undefined,
      onClose: () => {
        state.closed = true;
      },
    });
    session.start(Buffer.alloc(0));
    const pings = Buffer.concat(Array.from({ length: 10_000 }, () => control(PING, word(1))));
    let sent = 0;
    for (; !state.closed; sent += pings.length) {
      socket.push(pings);
      await settle(1);
      expect(sent).toBeLessThan(1 << 20);
    }
    expect(sent).toBeGreaterThan(128 * 1024);
    expect(socket.destroyed).toBe(true);
  });

  it('may open streams while three hundred others have data under way to it', async () => {
    const pair = await connected();
    const { ours } = await streamsOf(pair, 300);
    pair.client.socket.pause();
    const chunk = Buffer.alloc(65_536);
    for (const { io } of ours) for (let i = 0; i < 8; i++) io.write(chunk);
    await until('the client takes no more', () => pair.socket.writableLength > 5 << 20);
    const late = await pair.client.open({});
    await until('the stream', () => pair.streams.length === 301);
    pair.client.socket.resume();
    await until('the reply', () => late.replied);
  });

  it('opens and resets a stream as often as it likes, and nothing stays of it', async () => {
    const pair = await connected();
    for (let i = 0; i < 500; i++) (await pair.client.open({})).giveUp();
    await pair.client.ping();
    expect(pair.session.streamCount).toBe(0);
    expect(pair.streams.every(({ io }) => io.destroyed)).toBe(true);
    await settle(1);
  });
});
