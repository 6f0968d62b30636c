import { TURN_MS, TurnShare } from '../../../src/streaming/turn-share';

/** The next turn of the event loop, after what was to be done in it. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

function shareAt() {
  const clock = { now: 0 };
  return { clock, share: new TurnShare(TURN_MS, () => clock.now) };
}

describe('A turn of the event loop', () => {
  it('has time for clients up to its limit, and none above it until the next turn', async () => {
    const { clock, share } = shareAt();
    share.run(() => {
      clock.now += TURN_MS - 1;
    });
    expect(share.isUsedUp).toBe(false);
    share.run(() => {
      clock.now += 1;
    });
    expect(share.isUsedUp).toBe(true);
    await nextTurn();
    expect(share.isUsedUp).toBe(false);
  });

  it('serves those in line one piece each, as long as there is time, and the others first in the next', async () => {
    const { clock, share } = shareAt();
    const done: string[] = [];
    const turns: number[] = [];
    let turn = 0;
    const piece = (name: string, left: number) => (): void => {
      done.push(name);
      turns.push(turn);
      clock.now += TURN_MS / 2;
      if (left > 1) share.later(piece(name, left - 1));
    };
    for (const name of ['a', 'b', 'c']) share.later(piece(name, 2));
    while (done.length < 6) {
      await new Promise((resolve) => setImmediate(resolve));
      turn++;
      expect(turn).toBeLessThan(20);
    }
    expect(done).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
    const most = Math.max(...turns.map((each) => turns.filter((other) => other === each).length));
    expect(most).toBeLessThanOrEqual(2);
  });

  it('has time for so much work as costs no more afterwards', async () => {
    const { share } = shareAt();
    let done = 0;
    for (let at = 0; at < 12; at++) share.later(() => done++, TURN_MS / 5);
    const seen: number[] = [];
    for (let at = 0; at < 3; at++) {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(done);
    }
    expect(seen).toEqual([5, 10, 12]);
  });

  it('is used up for others while somebody is in line', async () => {
    const { share } = shareAt();
    let served = false;
    share.later(() => {
      served = true;
    });
    expect(share.isUsedUp).toBe(true);
    await nextTurn();
    expect([served, share.isUsedUp]).toEqual([true, false]);
  });

  it('counts the time of work that fails', () => {
    const { clock, share } = shareAt();
    const work = (): void => {
      clock.now += TURN_MS;
      throw new Error('it failed');
    };
    expect(() => share.run(work)).toThrow('it failed');
    expect(share.isUsedUp).toBe(true);
  });
});
