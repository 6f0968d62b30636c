import { PassThrough } from 'node:stream';
import type { Logger } from '../../../src/base/logger';
import { type LoggerOptions, makeLogger } from '../../../src/observability/logger';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

function linesOf(options: Omit<LoggerOptions, 'destination'>, write: (log: Logger) => void): string[] {
  const destination = new PassThrough();
  write(makeLogger({ ...options, destination }));
  const text = String(destination.read() ?? '');
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

describe('makeLogger', () => {
  it('writes one JSON object per line', () => {
    const lines = linesOf({ level: 'info', format: 'json' }, (log) => {
      log.info('started', { id: 'abc', pid: 7, at: 1_700_000_000_000_000_001n });
      log.error('failed', { error: new Error('no room', { cause: new Error('disk full') }) });
      log.warn('bare');
    });
    const [first, second, third] = lines.map((line) => JSON.parse(line));
    expect(first).toEqual({
      time: expect.stringMatching(TIME),
      level: 'info',
      message: 'started',
      id: 'abc',
      pid: 7,
      at: expect.any(Number),
    });
    expect(lines[0]).toContain('"at":1700000000000000001');
    expect(second).toMatchObject({ level: 'error', error: 'no room: disk full' });
    expect(Object.keys(third)).toEqual(['time', 'level', 'message']);
  });

  it('writes nothing below its level and says so beforehand', () => {
    const quiet = linesOf({ level: 'warn', format: 'json' }, (log) => {
      expect(log.debugEnabled).toBe(false);
      log.debug('no');
      log.info('no');
      log.child({ a: 1 }).info('no');
      log.warn('yes');
    });
    expect(quiet).toHaveLength(1);
    const loud = linesOf({ level: 'debug', format: 'json' }, (log) => {
      expect(log.debugEnabled).toBe(true);
      expect(log.child({}).debugEnabled).toBe(true);
      log.debug('yes');
    });
    expect(loud).toHaveLength(1);
  });

  it('adds the fields of a child to each of its lines, and to its parent’s none', () => {
    const lines = linesOf({ level: 'info', format: 'json' }, (log) => {
      const child = log.child({ room: 'cni', id: 1 }).child({ id: 2 });
      child.info('a', { x: true });
      log.info('b');
    });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ room: 'cni', id: 2, x: true });
    expect(Object.keys(JSON.parse(lines[1] ?? ''))).toEqual(['time', 'level', 'message']);
  });

  it('keeps fields named as its own members apart', () => {
    const [line = ''] = linesOf({ level: 'info', format: 'json' }, (log) =>
      log.info('m', { message: 'x', level: 1, time: 2 }),
    );
    expect(JSON.parse(line)).toMatchObject({ message: 'm', level: 'info', message_: 'x', level_: 1, time_: 2 });
  });

  it('says how many bytes there were, never which', () => {
    const [line = ''] = linesOf({ level: 'info', format: 'json' }, (log) =>
      log.info('m', { body: Buffer.from('secret') }),
    );
    expect(JSON.parse(line)).toMatchObject({ body: '<6 bytes>' });
  });

  it.each(['json', 'text'] as const)('survives a field that contains itself (%s)', (format) => {
    const loop: Record<string, unknown> = {};
    loop.loop = loop;
    const lines = linesOf({ level: 'info', format }, (log) => log.info('still here', { loop }));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('still here');
  });

  it('writes lines for people', () => {
    const lines = linesOf({ level: 'info', format: 'text' }, (log) => {
      log.warn('two\nlines', { id: 'a_1', why: 'no "room"', n: 3n, none: undefined, list: ['x'] });
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.replace(/^\S+/, 'T')).toBe('T WARN  two\\nlines id=a_1 why="no \\"room\\"" n=3 list=["x"]');
  });
});
