import { Limit } from '../../../../src/base/work/limit';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Work that ends when it is told to. */
class Work {
  readonly started: string[] = [];
  private readonly ends = new Map<string, (error?: Error) => void>();

  run(limit: Limit, name: string): Promise<string> {
    return limit.run(
      () =>
        new Promise((resolve, reject) => {
          this.started.push(name);
          this.ends.set(name, (error) => (error ? reject(error) : resolve(name)));
        }),
    );
  }

  async end(name: string, error?: Error): Promise<void> {
    this.ends.get(name)?.(error);
    await settle();
  }
}

describe('Limit', () => {
  it('runs as many at once as it says, the others in the order they came', async () => {
    const limit = new Limit(2);
    const work = new Work();
    const all = ['a', 'b', 'c', 'd'].map((name) => work.run(limit, name));
    await settle();
    expect(work.started).toEqual(['a', 'b']);
    await work.end('b');
    expect(work.started).toEqual(['a', 'b', 'c']);
    await work.end('c');
    await work.end('a');
    await work.end('d');
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('makes room when one fails, and passes on how', async () => {
    const limit = new Limit(1);
    const work = new Work();
    const first = expect(work.run(limit, 'a')).rejects.toThrow('broken');
    const second = work.run(limit, 'b');
    await work.end('a', new Error('broken'));
    await first;
    await work.end('b');
    expect(await second).toBe('b');
  });

  it('makes room when one throws before it has begun', async () => {
    const limit = new Limit(1);
    const throwing = (): Promise<never> => {
      throw new Error('at once');
    };
    await expect(limit.run(throwing)).rejects.toThrow('at once');
    expect(await limit.run(async () => 'next')).toBe('next');
  });

  it('does not let a newcomer overtake those that wait', async () => {
    const limit = new Limit(1);
    const work = new Work();
    void work.run(limit, 'a');
    void work.run(limit, 'b');
    await settle();
    const ended = work.end('a');
    void work.run(limit, 'c');
    await ended;
    expect(work.started).toEqual(['a', 'b']);
  });

  it('begins anew after it was empty', async () => {
    const limit = new Limit(1);
    for (const name of ['a', 'b', 'c']) expect(await limit.run(async () => name)).toBe(name);
  });

  it.each([0, -1, Number.NaN])('is refused with the size %p', (size) => {
    expect(() => new Limit(size)).toThrow(RangeError);
  });
});
