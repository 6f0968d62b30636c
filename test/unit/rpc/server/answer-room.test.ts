import { Code } from '../../../../src/rpc/code';
import { AnswerRoom } from '../../../../src/rpc/server/answer-room';
import type { Holder } from '../../../../src/rpc/server/held-bytes';
import { Unread } from '../../../../src/rpc/server/unread';

const KIB = 1024;
const LIMIT = 1000 * KIB;
const STILL_MS = 1000;

const never = new AbortController().signal;
let room: AnswerRoom;
let given: string[];
beforeEach(() => {
  jest.useFakeTimers();
  room = new AnswerRoom(LIMIT, STILL_MS);
  given = [];
});
afterEach(() => jest.useRealTimers());

const holder = (name: string): Holder => ({ waits: true, giveUp: () => given.push(name) });

describe('An answer room', () => {
  it('lets everybody in at its limit, and gives nobody up one above', () => {
    const first = holder('first');
    room.set(first, LIMIT);
    expect(room.wait(never)).toBeUndefined();
    room.set(first, LIMIT + 1);
    expect(room.wait(never)).toBeInstanceOf(Promise);
    expect(given).toEqual([]);
  });

  it('lets in who waits, one after the other, as answers are read', async () => {
    const first = holder('first');
    room.set(first, LIMIT + 1);
    const entered: number[] = [];
    const all = [0, 1, 2].map(async (index) => {
      await room.wait(never);
      entered.push(index);
      room.set(holder(`${index}`), LIMIT);
    });
    room.set(first, 0);
    await all[0];
    await all[1];
    expect(entered).toEqual([0, 1]);
    void all[2]?.catch(() => undefined);
  });

  it('gives up who reads nothing, for those who wait', async () => {
    room.set(holder('still'), LIMIT + 1);
    const waits = room.wait(never);
    await jest.advanceTimersByTimeAsync(STILL_MS + STILL_MS / 5);
    await waits;
    expect(given).toEqual(['still']);
  });

  it('refuses who has waited long, where others read slowly', async () => {
    const slow = holder('slow');
    room.set(slow, LIMIT + 2);
    const refused = expect(room.wait(never)).rejects.toMatchObject({ code: Code.RESOURCE_EXHAUSTED });
    for (let count = 0; count < 8; count++) {
      await jest.advanceTimersByTimeAsync(STILL_MS / 2);
      room.set(slow, LIMIT + 1 + (count % 2));
    }
    await refused;
    expect(given).toEqual([]);
  });

  it('keeps no place for who has gone', async () => {
    const first = holder('first');
    room.set(first, LIMIT + 1);
    const gone = new AbortController();
    const left = expect(room.wait(gone.signal)).rejects.toThrow('gone');
    const second = room.wait(never);
    gone.abort(new Error('gone'));
    await left;
    room.set(first, 0);
    await second;
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('The unread replies of a call', () => {
  it('count no more when it is over, whatever the connection says later', () => {
    const ended = new Unread(room, () => undefined);
    ended.add(LIMIT);
    ended.release();
    ended.taken(LIMIT);
    const other = new Unread(room, () => undefined);
    other.add(LIMIT + 1); // one byte over, unless those of the other count negative
    expect(room.wait(never)).toBeInstanceOf(Promise);
    expect(ended.full).toBe(false);
    ended.add(1);
    other.release();
    expect(room.wait(never)).toBeUndefined();
  });
});
