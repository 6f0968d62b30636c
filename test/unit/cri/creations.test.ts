import { Creations } from '../../../src/cri/creations';

function deferred(): { promise: Promise<string>; resolve: (id: string) => void; reject: (error: Error) => void } {
  let resolve: (id: string) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<string>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

describe('Creations', () => {
  it('let a second equal call wait for the first and answer its id', async () => {
    const creations = new Creations();
    const first = deferred();
    const second = jest.fn(async () => 'second');
    const answers = [creations.join('web', 'a', () => first.promise), creations.join('web', 'a', second)];
    first.resolve('first');
    expect(await Promise.all(answers)).toEqual(['first', 'first']);
    expect(second).not.toHaveBeenCalled();
  });

  it('let the second call make its own attempt when the first fails, and a third join that one', async () => {
    const creations = new Creations();
    const first = deferred();
    const attempts: string[] = [];
    const attempt = (id: string) => async () => {
      attempts.push(id);
      return id;
    };
    const failed = creations.join('web', 'a', () => first.promise);
    const others = [creations.join('web', 'a', attempt('second')), creations.join('web', 'a', attempt('third'))];
    first.reject(new Error('the caller has gone'));
    await expect(failed).rejects.toThrow('the caller has gone');
    expect(await Promise.all(others)).toEqual(['second', 'second']);
    expect(attempts).toEqual(['second']);
  });

  it('keep names and configurations apart', async () => {
    const creations = new Creations();
    const first = deferred();
    const running = creations.join('web', 'a', () => first.promise);
    expect(await creations.join('web', 'b', async () => 'other config')).toBe('other config');
    expect(await creations.join('db', 'a', async () => 'other name')).toBe('other name');
    first.resolve('first');
    expect(await running).toBe('first');
  });

  it('let an equal call wait for the first though another configuration was asked for in between', async () => {
    const creations = new Creations();
    const first = deferred();
    const taken = async (): Promise<string> => {
      throw new Error('the name is taken');
    };
    const running = creations.join('web', 'a', () => first.promise);
    const other = creations.join('web', 'b', taken);
    const equal = creations.join('web', 'a', taken);
    const outcomes = Promise.allSettled([running, other, equal]);
    await new Promise((resolve) => setImmediate(resolve));
    first.resolve('first');
    expect(await outcomes).toMatchObject([{ value: 'first' }, { status: 'rejected' }, { value: 'first' }]);
  });

  it('forget a creation that has ended', async () => {
    const creations = new Creations();
    expect(await creations.join('web', 'a', async () => 'first')).toBe('first');
    expect(await creations.join('web', 'a', async () => 'again')).toBe('again');
  });
});
