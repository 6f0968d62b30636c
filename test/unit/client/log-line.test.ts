import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseLogLine, waitForLogLine } from '../../../src/client/log-line';

describe('parseLogLine', () => {
  it.each([
    ['2024-01-02T03:04:05.123456789Z stdout F hi there', { stream: 'stdout', complete: true, text: 'hi there' }],
    ['2024-01-02T03:04:05.123456789Z stderr P half', { stream: 'stderr', complete: false, text: 'half' }],
    ['2024-01-02T03:04:05.123456789Z stdout F ', { stream: 'stdout', complete: true, text: '' }],
    ['2024-01-02T03:04:05.5Z stdout F x', { stream: 'stdout', complete: true, text: 'x' }],
    ['2024-01-02T03:04:05.123456789+02:00 stdout F x', { stream: 'stdout', complete: true, text: 'x' }],
  ])('reads %j', (line, expected) => {
    expect(parseLogLine(line)).toEqual({ time: line.split(' ')[0], ...expected });
  });

  it.each(['', 'hello', '2024-01-02T03:04:05.Z stdout F x', '2024-01-02T03:04:05.123456789Z stdin F x'])(
    'refuses %j',
    (line) => {
      expect(() => parseLogLine(line)).toThrow(`not a line of a container log: ${JSON.stringify(line)}`);
    },
  );
});

describe('waitForLogLine', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'log-line-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('waits for the file and for the line to be complete', async () => {
    const file = join(dir, 'a.log');
    const waiting = waitForLogLine(file, 'done', { timeoutMs: 5000 });
    const start = '2024-01-02T03:04:05.000000001Z stdout';
    writeFileSync(file, `${start} F first\n${start} P done\n${start} F do`);
    writeFileSync(file, `${start} F first\n${start} P done\n${start} F done\n`);
    expect(await waiting).toEqual({ time: start.split(' ')[0], stream: 'stdout', complete: true, text: 'done' });
  });

  it('says what it waited for when the time is up', async () => {
    const file = join(dir, 'a.log');
    await expect(waitForLogLine(file, 'done', { timeoutMs: 30 })).rejects.toThrow(
      `waiting for the line "done" in ${file} took longer than 30 ms`,
    );
  });

  it('refuses a file that is no container log', async () => {
    writeFileSync(join(dir, 'a.log'), 'hello\n');
    await expect(waitForLogLine(join(dir, 'a.log'), 'done', { timeoutMs: 5000 })).rejects.toThrow('not a line');
  });
});
