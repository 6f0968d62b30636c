import { type SessionPair, useSessions } from '../../../support/streaming/session-pair';
import {
  control,
  data,
  FIN,
  GOAWAY,
  HEADERS,
  PING,
  plainHeaders,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  WINDOW_UPDATE,
  word,
} from '../../../support/streaming/spdy-client';
import { settle, until } from '../../../support/streaming/until';

const connected = useSessions();

/** The stream that the client opened last, once it is there. */
async function opened(pair: SessionPair, count = 1) {
  await until(`${count} streams`, () => pair.streams.length === count);
  const stream = pair.streams[count - 1];
  if (!stream) throw new Error('no stream');
  return stream;
}

/** Everything a stream of ours reads until its end. */
function collect(stream: { io: NodeJS.ReadableStream }): { text: string; ended: boolean } {
  const seen = { text: '', ended: false };
  stream.io.on('data', (chunk) => {
    seen.text += chunk;
  });
  stream.io.on('end', () => {
    seen.ended = true;
  });
  return seen;
}

describe('A SPDY session', () => {
  it('answers each new stream at once, with a header block that has no headers', async () => {
    const pair = await connected();
    const first = await pair.client.open({ streamtype: 'error' });
    const second = await pair.client.open({ streamtype: 'stdin', port: '80' });
    await opened(pair, 2);
    await until('both replies', () => first.replied && second.replied);
    expect(pair.streams.map(({ id, headers }) => ({ id, headers: Object.fromEntries(headers) }))).toEqual([
      { id: 1, headers: { streamtype: 'error' } },
      { id: 3, headers: { streamtype: 'stdin', port: '80' } },
    ]);
    await until('the headers', () => Buffer.concat(pair.client.replies).length === 8);
    expect(Buffer.concat(pair.client.replies)).toEqual(Buffer.alloc(8)); // a count of none, twice
  });

  it('reads what came behind the upgrade request', async () => {
    const before = await connected();
    const block = await before.client.block(plainHeaders([['streamtype', 'stdin']]));
    const syn = control(1, Buffer.concat([word(1), word(0), Buffer.from([0, 0]), block]));
    const pair = await connected({}, Buffer.concat([syn, data(1, Buffer.from('early'), FIN)]));
    const seen = collect(await opened(pair));
    await until('all', () => seen.ended);
    expect(seen.text).toBe('early');
  });

  it('carries data both ways, on many streams, each in order', async () => {
    const pair = await connected();
    const streams = [];
    for (let i = 0; i < 50; i++) streams.push(await pair.client.open({ streamtype: `${i}` }));
    await opened(pair, 50);
    for (const stream of pair.streams) stream.io.pipe(stream.io);
    for (let round = 0; round < 20; round++) {
      for (const stream of streams) stream.write(`${stream.id}:${round} `);
    }
    for (const stream of streams) stream.end();
    for (const stream of streams) {
      const expected = Array.from({ length: 20 }, (_, round) => `${stream.id}:${round} `).join('');
      expect(await stream.all()).toBe(expected);
    }
    await until('all are forgotten', () => pair.session.streamCount === 0);
  });

  it('lets either side end first', async () => {
    const pair = await connected();
    const theirs = await pair.client.open({});
    const ours = await opened(pair);
    const seen = collect(ours);
    theirs.end('last');
    await until('their end', () => seen.ended);
    expect(pair.session.streamCount).toBe(1);
    ours.io.write('still here');
    await until('our data', () => theirs.text() === 'still here');
    ours.io.end();
    await until('our end', () => theirs.ended);
    expect([pair.session.streamCount, theirs.reset]).toEqual([0, undefined]);

    const other = await pair.client.open({});
    const second = await opened(pair, 2);
    second.io.end('first');
    expect(await other.all()).toBe('first');
    const later = collect(second);
    other.end('later');
    await until('their later end', () => later.ended);
    expect(later.text).toBe('later');
    expect(pair.session.streamCount).toBe(0);
  });

  it('takes a stream that is ended as it is opened', async () => {
    const pair = await connected();
    const theirs = await pair.client.open({}, FIN);
    const ours = await opened(pair);
    const seen = collect(ours);
    await until('the end', () => seen.ended);
    ours.io.end('answer');
    expect(await theirs.all()).toBe('answer');
  });

  it('passes over data after the end, and of streams that are not there', async () => {
    const pair = await connected();
    const theirs = await pair.client.open({});
    const seen = collect(await opened(pair));
    theirs.end('all');
    pair.client.send(data(theirs.id, Buffer.from('more'), FIN));
    pair.client.send(data(77, Buffer.from('nobody'), FIN));
    await pair.client.ping();
    expect([seen.text, pair.state.closed]).toEqual(['all', 0]);
  });

  it('resets a stream that nobody deals with any more, and that one only', async () => {
    const pair = await connected();
    const [one, two] = [await pair.client.open({}), await pair.client.open({})];
    await opened(pair, 2);
    pair.streams[0]?.io.destroy();
    await until('the reset', () => one.reset !== undefined);
    expect(one.reset).toBe(5);
    one.write('late');
    const seen = collect(await opened(pair, 2));
    two.write('alive');
    await until('the other', () => seen.text === 'alive');
    expect(pair.session.streamCount).toBe(1);
  });

  it('tells a stream that the client has reset it, and no other', async () => {
    const pair = await connected();
    const [one] = [await pair.client.open({}), await pair.client.open({})];
    await opened(pair, 2);
    const errors: string[] = [];
    pair.streams[0]?.io.on('error', (error) => errors.push(error.message));
    one.giveUp();
    await until('the reset', () => errors.length === 1);
    expect(errors).toEqual(['the client has reset the stream']);
    await pair.client.ping();
    expect([pair.session.streamCount, pair.streams[1]?.io.destroyed]).toEqual([1, false]);
    expect(one.reset).toBeUndefined(); // a reset is not answered by another
    pair.client.send(control(RST_STREAM, Buffer.concat([word(99), word(1)])));
    await pair.client.ping(3);
  });

  it('answers pings of the client, and takes answers to its own', async () => {
    const pair = await connected();
    await pair.client.ping(1);
    await pair.client.ping(0x7fff_ffff);
    pair.client.send(control(PING, word(2)));
    await pair.client.ping(5);
    expect(pair.client.frames.filter(({ payload }) => payload.equals(word(2)))).toEqual([]);
  });

  it.each([
    ['WINDOW_UPDATE', control(WINDOW_UPDATE, Buffer.concat([word(1), word(1)]))],
    ['WINDOW_UPDATE of the connection', control(WINDOW_UPDATE, Buffer.concat([word(0), word(0x7fff_ffff)]))],
    ['SETTINGS', control(SETTINGS, Buffer.concat([word(1), word(4), word(0)]))],
    ['GOAWAY', control(GOAWAY, Buffer.concat([word(0), word(0)]))],
    ['a type that there is not', control(0x7777, Buffer.from('whatever'))],
    ['an empty control frame', control(0x7777, Buffer.alloc(0))],
  ])('passes over %s', async (_what, frame) => {
    const pair = await connected();
    const stream = await pair.client.open({});
    const ours = await opened(pair);
    pair.client.send(frame);
    await pair.client.ping();
    ours.io.write(Buffer.alloc(200_000, 'x')); // three windows' worth: none is kept to
    await until('all of it', () => stream.bytes === 200_000);
  });

  it('keeps header compression in step with replies and headers that it has no use for', async () => {
    const pair = await connected();
    for (const type of [HEADERS, SYN_REPLY]) {
      const block = await pair.client.block(plainHeaders([['x', 'y']]));
      pair.client.send(control(type, Buffer.concat([word(9), block])));
    }
    await pair.client.open({ streamtype: 'stdin' });
    expect((await opened(pair)).headers.get('streamtype')).toBe('stdin');
  });
});

describe('A SPDY session that closes', () => {
  it('sends all that was written, ends every stream, then says goodbye and ends', async () => {
    const pair = await connected();
    const [one, two] = [await pair.client.open({}), await pair.client.open({})];
    await opened(pair, 2);
    const payload = Buffer.alloc(3 << 20, 'x');
    pair.streams[0]?.io.write(payload);
    pair.streams[1]?.io.write('short');
    pair.session.close();
    pair.session.close();
    await until('the goodbye', () => pair.client.ended);
    expect([one.bytes, one.ended, two.text(), two.ended]).toEqual([payload.length, true, 'short', true]);
    expect(pair.client.frames.at(-1)).toEqual({ type: GOAWAY, flags: 0, payload: Buffer.concat([word(3), word(0)]) });
  });

  it('reads what the client still sends, so that nothing it was sent is lost to a reset', async () => {
    const pair = await connected();
    const stream = await pair.client.open({});
    const ours = await opened(pair);
    stream.write(Buffer.alloc(200_000)); // nobody reads it
    ours.io.write('last words');
    pair.session.close();
    stream.write(Buffer.alloc(200_000));
    await until('the goodbye', () => pair.client.ended);
    expect(stream.text()).toBe('last words');
    stream.write(Buffer.alloc(200_000));
    await settle();
    expect(pair.client.closed).toBe(false);
  });

  it('refuses further streams', async () => {
    const pair = await connected();
    await pair.client.open({});
    const ours = await opened(pair);
    ours.io.write(Buffer.alloc(32 << 20)); // more than one frame can hold; takes its time
    pair.client.socket.pause();
    pair.session.close();
    const lying = pair.socket.writableLength;
    const late = await pair.client.open({});
    // Not before it lies in the socket: what comes after the goodbye is not answered.
    await until('the refusal is on its way', () => pair.socket.writableLength > lying);
    pair.client.socket.resume();
    await until('the refusal', () => late.reset !== undefined);
    expect(late.reset).toBe(3);
    await until('the goodbye', () => pair.client.ended);
    expect(pair.client.streams.get(1)?.bytes).toBe(32 << 20);
  });

  it.each(['end', 'destroy'] as const)('tells every stream when the client goes by %s', async (how) => {
    const pair = await connected();
    await pair.client.open({});
    await pair.client.open({});
    await opened(pair, 2);
    pair.client.socket[how]();
    await until('the end', () => pair.state.closed === 1);
    expect(pair.streams.map(({ io }) => io.destroyed)).toEqual([true, true]);
    await new Promise((resolve) => pair.streams[0]?.io.write('x', resolve));
  });

  it('lets a stream be read to its end when the client ended it and left', async () => {
    const pair = await connected();
    const [whole, part] = [await pair.client.open({}), await pair.client.open({})];
    await opened(pair, 2);
    whole.end('all of it');
    part.write('some of it');
    await pair.client.ping();
    pair.client.destroy();
    await until('the end', () => pair.state.closed === 1);
    const seen = collect(await opened(pair, 2));
    expect(pair.streams[1]?.io.destroyed).toBe(true);
    const first = pair.streams[0];
    if (!first) throw new Error('no stream');
    const ended = collect(first);
    await until('what was sent', () => ended.ended);
    expect([ended.text, seen.text]).toEqual(['all of it', '']);
  });

  it('fails what waits to be written', async () => {
    const pair = await connected();
    await pair.client.open({});
    const ours = await opened(pair);
    pair.client.socket.pause();
    const errors: unknown[] = [];
    for (let i = 0; i < 64; i++) ours.io.write(Buffer.alloc(1 << 20), (error) => errors.push(error?.message));
    await until('the client takes no more', () => pair.socket.writableNeedDrain);
    pair.client.destroy();
    await until('all are told', () => errors.length === 64);
    expect(errors.at(-1)).toBeDefined();
  });

  it('can be cut off', async () => {
    const pair = await connected();
    await pair.client.open({});
    await opened(pair);
    pair.session.destroy();
    await until('the client is cut off', () => pair.client.closed || pair.client.ended);
    expect(pair.state.closed).toBe(1);
  });
});
