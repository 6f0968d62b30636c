import { BytePool } from '../../../src/base/byte-pool';

const LIMITS = { all: 100, each: 60, own: 10 };

describe('BytePool', () => {
  it('has room for a member up to its own limit, and not for a byte more', () => {
    const member = new BytePool(LIMITS).join();
    member.set(59);
    expect([member.room, member.mayTakeMore()]).toEqual([1, true]);
    member.set(60);
    expect([member.room, member.mayTakeMore()]).toEqual([0, false]);
  });

  it('has room for all together up to the limit, and not for a byte more', () => {
    const pool = new BytePool(LIMITS);
    const [first, second] = [pool.join(), pool.join()];
    first.set(50);
    second.set(49);
    expect([first.room, second.room]).toEqual([1, 1]);
    second.set(50);
    expect([pool.bytes, first.mayTakeMore(), second.mayTakeMore()]).toEqual([100, false, false]);
  });

  it('leaves every member a little, however much the others hold', () => {
    const pool = new BytePool(LIMITS);
    pool.join().set(60);
    pool.join().set(60);
    const late = pool.join();
    expect(late.room).toBe(10);
    late.set(9);
    expect(late.mayTakeMore()).toBe(true);
    late.set(10);
    expect(late.mayTakeMore()).toBe(false);
  });

  it('tells who waits for room once others have given theirs back, once', () => {
    const pool = new BytePool(LIMITS);
    const told: string[] = [];
    const large = pool.join(() => told.push('large'));
    const small = pool.join(() => told.push('small'));
    large.set(60);
    small.set(40);
    expect([large.mayTakeMore(), small.mayTakeMore()]).toEqual([false, false]);
    large.set(59);
    expect(told.sort()).toEqual(['large', 'small']);
    large.set(58);
    expect(told).toHaveLength(2);
  });

  it('tells a member that has given back some of what was too much for one', () => {
    const pool = new BytePool(LIMITS);
    let told = 0;
    const member = pool.join(() => told++);
    member.set(60);
    expect(member.mayTakeMore()).toBe(false);
    member.set(59);
    expect(told).toBe(1);
  });

  it('gets back what a member holds that leaves, and counts it no more', () => {
    const pool = new BytePool(LIMITS);
    let told = 0;
    const leaving = pool.join(() => told++);
    const staying = pool.join(() => told++);
    leaving.set(60);
    staying.set(40);
    leaving.mayTakeMore();
    staying.mayTakeMore();
    leaving.leave();
    leaving.leave();
    leaving.set(50);
    expect([pool.bytes, told, leaving.mayTakeMore()]).toEqual([40, 1, true]);
  });

  it('has room for the members of one owner up to its part, and for those of others beyond that', () => {
    const pool = new BytePool({ ...LIMITS, ofOwner: 50 });
    const [first, second] = [pool.join(undefined, 'pod'), pool.join(undefined, 'pod')];
    const other = pool.join(undefined, 'other');
    first.set(30);
    second.set(19);
    expect([first.room, second.room, other.room]).toEqual([1, 1, 50]);
    second.set(20);
    expect([first.mayTakeMore(), second.mayTakeMore(), other.mayTakeMore()]).toEqual([false, false, true]);
    const late = pool.join(undefined, 'pod');
    expect(late.room).toBe(10);
  });

  it('tells the members of an owner once others of its own have given theirs back, and nobody else', () => {
    const pool = new BytePool({ ...LIMITS, ofOwner: 50 });
    const told: string[] = [];
    const member = (name: string, owner: string) => pool.join(() => told.push(name), owner);
    const [large, small] = [member('large', 'pod'), member('small', 'pod')];
    large.set(30);
    small.set(20);
    const other = member('other', 'other');
    other.set(50);
    expect([large, small, other].map((each) => each.mayTakeMore())).toEqual([false, false, false]);
    other.set(40);
    expect(told).toEqual(['other']);
    large.set(29);
    expect(told.sort()).toEqual(['large', 'other', 'small']);
    for (const each of [large, small, other]) each.leave();
    expect(pool.bytes).toBe(0);
    const again = member('again', 'pod');
    again.set(49);
    expect(again.room).toBe(1);
  });
});
