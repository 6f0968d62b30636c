import { lastStart } from '../../../bench/report/start';

const start = (ms: number): string =>
  `${JSON.stringify({ message: 'recovered', sandboxes: 1, askedMs: ms, podsMs: 2, containersMs: 3 })}\n`;

describe('lastStart', () => {
  it('reads the parts of the last start in a log', () =>
    expect(lastStart(`(node:1) a warning\n${start(7)}${start(8)}{"message":"serving"}\n`)).toEqual({
      asked: 8,
      pods: 2,
      containers: 3,
    }));

  it('says so when the log tells of none, or not how long it took', () => {
    expect(() => lastStart('{"message":"serving"}\n')).toThrow('the log tells of no start');
    expect(() => lastStart('{"message":"recovered"}\n')).toThrow('lacks its times');
  });
});
