import { LastAnswers } from '../../../../src/base/work/last-answers';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Questions that are answered when the test says so. */
class Questions {
  readonly open: { answer(value: string): Promise<void>; fail(error: Error): Promise<void> }[] = [];
  asked = 0;

  readonly put = (): Promise<string> => {
    this.asked += 1;
    return new Promise((resolve, reject) => {
      this.open.push({
        answer: (value) => {
          resolve(value);
          return settle();
        },
        fail: (error) => {
          reject(error);
          return settle();
        },
      });
    });
  };

  next() {
    const first = this.open.shift();
    if (!first) throw new Error('nothing is asked');
    return first;
  }
}

const MINUTE = 60_000;
const answers = (patienceMs = 20): LastAnswers<string> => new LastAnswers({ patienceMs, atOnce: 2 });

describe('LastAnswers', () => {
  afterEach(() => void jest.useRealTimers());

  it('answers what a thing says now, when it says so in time', async () => {
    const last = answers();
    expect(await last.ask('a', async () => '1')).toBe('1');
    expect(await last.ask('a', async () => '2')).toBe('2');
    expect(await last.ask('b', async () => '3')).toBe('3');
  });

  it('answers what a thing said last when it is late, and at once from then on', async () => {
    const last = answers();
    const questions = new Questions();
    await last.ask('a', async () => 'before');
    expect(await last.ask('a', questions.put)).toBe('before');
    let told: string | undefined;
    void last.ask('a', questions.put).then((value) => {
      told = value;
    });
    await settle();
    expect(told).toBe('before');
    expect(questions.asked).toBe(1);
  });

  it('answers nothing of a thing that has never answered', async () => {
    expect(await answers().ask('a', new Questions().put)).toBeUndefined();
  });

  it('waits for a thing again once it has answered', async () => {
    // Its patience ends when the test says so: in real time it might while the question is on its way.
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const last = answers();
    const questions = new Questions();
    const first = last.ask('a', questions.put);
    await jest.advanceTimersByTimeAsync(20);
    expect(await first).toBeUndefined();
    await questions.next().answer('late');
    const asking = last.ask('a', questions.put);
    await settle();
    await questions.next().answer('in time');
    expect(await asking).toBe('in time');
  });

  it('asks a late thing anew when a question to it has failed, without waiting', async () => {
    const last = answers();
    const questions = new Questions();
    expect(await last.ask('a', questions.put)).toBeUndefined();
    await questions.next().fail(new Error('deadline'));
    expect(await last.ask('a', questions.put)).toBeUndefined();
    expect(questions.asked).toBe(2);
    await questions.next().answer('well again');
    expect(await last.ask('a', async () => 'now')).toBe('now');
  });

  it('asks once when two want to know', async () => {
    const last = answers(MINUTE);
    const questions = new Questions();
    const both = Promise.all([last.ask('a', questions.put), last.ask('a', questions.put)]);
    await settle();
    expect(questions.asked).toBe(1);
    await questions.next().answer('1');
    expect(await both).toEqual(['1', '1']);
  });

  it('fails with what a question fails with in time, and asks again afterwards', async () => {
    const last = answers();
    await expect(last.ask('a', () => Promise.reject(new Error('no task')))).rejects.toThrow('no task');
    expect(await last.ask('a', async () => '1')).toBe('1');
  });

  it('lets things that hang keep others waiting for no longer than its patience', async () => {
    const last = answers();
    const questions = new Questions();
    const hanging = ['a', 'b', 'c'].map((key) => last.ask(key, questions.put));
    expect(await last.ask('d', async () => 'd')).toBe('d');
    expect(await Promise.all(hanging)).toEqual([undefined, undefined, undefined]);
  });

  it('bounds how long a caller waits in all, however many things hang', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const last = new LastAnswers<string>({ patienceMs: 20, atOnce: 2, longestMs: 100 });
    const questions = new Questions();
    const hanging = Array.from({ length: 100 }, (_, at) => last.ask(`hangs${at}`, questions.put));
    const asking = last.ask('well', async () => 'well');
    await jest.advanceTimersByTimeAsync(100);
    expect(await Promise.all(hanging)).toEqual(hanging.map(() => undefined));
    expect(await asking).toBeUndefined();
    // It keeps its place: what waits in vain now is told later, and is asked once.
    const again = last.ask('well', async () => 'again');
    await jest.advanceTimersByTimeAsync(2000);
    await again;
    expect(last.last('well')).toBe('well');
    expect(questions.asked).toBe(100);
  });

  it('tells the last answer without a question, and whether a thing is late', async () => {
    const last = answers();
    expect([last.last('a'), last.isLate('a')]).toEqual([undefined, false]);
    await last.ask('a', async () => '1');
    expect([last.last('a'), last.isLate('a')]).toEqual(['1', false]);
    await last.ask('a', new Questions().put);
    expect([last.last('a'), last.isLate('a')]).toEqual(['1', true]);
  });

  it('forgets what is gone', async () => {
    const last = answers();
    const questions = new Questions();
    await last.ask('a', async () => 'a');
    await last.ask('b', async () => 'b');
    last.keep((key) => key === 'b');
    expect(await last.ask('a', questions.put)).toBeUndefined();
    expect(await last.ask('b', questions.put)).toBe('b');
  });
});
