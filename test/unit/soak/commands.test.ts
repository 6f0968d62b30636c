import { STREAMS, wrongOutcome } from '../../soak/commands';

const [word, code] = ['w1', 7];
const NONE = { tty: false, stdin: false, stdout: false, stderr: false };

describe('The streams of a command', () => {
  it('are every combination that Exec takes, each once', () => {
    expect(new Set(STREAMS.map((each) => JSON.stringify(each))).size).toBe(10);
    expect(STREAMS).toHaveLength(10);
    expect(STREAMS).toContainEqual({ ...NONE, stdout: true });
    expect(STREAMS).not.toContainEqual(NONE);
    expect(STREAMS.filter(({ tty, stderr }) => tty && stderr)).toEqual([]);
  });
});

describe('What came of a command', () => {
  it.each([
    [{ ...NONE, stdout: true }, 'out w1\n', ''],
    [{ ...NONE, stderr: true }, '', 'err w1\n'],
    [{ ...NONE, stdin: true }, '', ''],
    [{ ...NONE, tty: true, stdout: true }, 'out w1\r\nerr w1\r\n', ''],
    [{ ...NONE, tty: true, stdin: true, stdout: true }, 'w1\r\nout w1\r\nerr w1\r\n', ''],
  ])('is what its streams have: %j', (streams, stdout, stderr) => {
    expect(wrongOutcome(streams, { stdout, stderr, exitCode: code }, { word, code })).toBeUndefined();
    expect(wrongOutcome(streams, { stdout: `${stdout}x`, stderr, exitCode: code }, { word, code })).toMatch(
      /instead of/,
    );
    expect(wrongOutcome(streams, { stdout, stderr, exitCode: undefined, message: 'why' }, { word, code })).toMatch(
      /\(why\)$/,
    );
  });
});
