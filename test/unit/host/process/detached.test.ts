import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Detached, sayLastWords, spawnDetached } from '../../../../src/host/process/detached';

let dir: string;
let noLog: unknown[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'crisp-detached-'));
  noLog = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Runs a program to its end; answers why it ended. */
function run(argv: [string, ...string[]], act: (started: Detached) => void = () => undefined, logDir = dir) {
  return new Promise<string>((onEnd) => {
    const onNoLog = (error: unknown): void => void noLog.push(error);
    act(spawnDetached(argv, { logFile: join(logDir, 'log'), onNoLog, onEnd }));
  });
}

describe('A detached program', () => {
  it('says why it ends', async () => {
    expect(await run(['sh', '-c', 'echo "no descriptor left" >&"$CRISP_LAST_WORDS_FD"; exit 3'])).toBe(
      'exit code 3: no descriptor left\n',
    );
  });

  it('that ends without a word is told of by its exit code', async () => {
    expect(await run(['sh', '-c', 'exit 5'])).toBe('exit code 5');
  });

  it('is told of also while something that it has started lives on with its descriptors', async () => {
    expect(await run(['sh', '-c', 'sleep 3 & exit 6'])).toBe('exit code 6');
  });

  it('can be ended', async () => {
    expect(await run(['sleep', '60'], (started) => started.kill())).toBe('SIGKILL');
  });

  it('that cannot be started is told of in the same way', async () => {
    expect(await run([join(dir, 'absent')], ({ pid }) => expect(pid).toBeUndefined())).toContain('ENOENT');
  });

  it('is started also where its log cannot be opened', async () => {
    expect(await run(['sh', '-c', 'echo lost; exit 4'], undefined, join(dir, 'absent'))).toBe('exit code 4');
    expect(noLog).toMatchObject([{ code: 'ENOENT' }]);
  });
});

it('A program that nobody started so has no last words, and its descriptor 3 is not touched', () => {
  expect(() => sayLastWords('why', {})).not.toThrow();
  expect(() => sayLastWords('why', { CRISP_LAST_WORDS_FD: '9999' })).not.toThrow();
});
