import { Duplex } from 'node:stream';
import { Answers } from '../../../../src/streaming/spdy/answers';
import { settle } from '../../../support/streaming/until';

/** A client that takes what is written when it is told to. */
function lazy() {
  const writes: Buffer[] = [];
  let taken: (() => void) | undefined;
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      writes.push(chunk);
      taken = () => done();
    },
  });
  const take = async (): Promise<void> => {
    const done = taken;
    taken = undefined;
    done?.();
    await settle(1);
  };
  return { socket, writes, take };
}

describe('Answers', () => {
  it('may lie unread up to the limit; one more, and that is said', async () => {
    const { socket, take } = lazy();
    const answers = new Answers(socket, 100);
    expect([answers.send(Buffer.alloc(60)), answers.send(Buffer.alloc(40))]).toEqual([true, true]);
    expect([answers.send(Buffer.alloc(1)), answers.send(Buffer.alloc(1))]).toEqual([true, false]);
    await take();
    expect(answers.send(Buffer.alloc(1))).toBe(true);
  });

  it('wait together, in order, and go as soon as the one before is taken', async () => {
    const { socket, writes, take } = lazy();
    const answers = new Answers(socket, 1 << 20);
    const sent = Array.from({ length: 1000 }, (_, at) => Buffer.from([at & 255, at >> 8]));
    for (const each of sent) answers.send(each);
    expect(writes).toHaveLength(1);
    await take();
    await take();
    expect(writes).toHaveLength(2);
    expect(Buffer.concat(writes).equals(Buffer.concat(sent))).toBe(true);
  });

  it('come before what is written behind them', async () => {
    const { socket, writes, take } = lazy();
    const answers = new Answers(socket, 1 << 20);
    for (const text of ['a', 'b', 'c']) answers.send(Buffer.from(text));
    answers.flush();
    socket.write('data');
    for (let i = 0; i < 3; i++) await take();
    expect(Buffer.concat(writes).toString()).toBe('abcdata');
  });
});
