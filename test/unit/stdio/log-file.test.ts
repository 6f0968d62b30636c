import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { silentLogger } from '../../../src/base/logger';
import type { Metrics } from '../../../src/base/metrics';
import { LogFile, type WriteSync } from '../../../src/stdio/log-file';
import { Fixture } from './fixture';

let fixture: Fixture;
let counted: Record<string, number>;
const metrics: Metrics = {
  count: (name, _labels, by = 1) => {
    counted[name] = (counted[name] ?? 0) + by;
  },
  time: () => undefined,
};

beforeEach(() => {
  fixture = new Fixture();
  counted = {};
});
afterEach(() => {
  expect(fixture.openPaths()).toEqual([]);
  fixture.remove();
});

const deps = { log: silentLogger, metrics };
const noSpace = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });

describe('opening a log file', () => {
  it('makes it, and the directories above, for root and its group', () => {
    const path = fixture.path('pod/web/0.log');
    new LogFile(path, deps).close();
    expect((statSync(path).mode & 0o777).toString(8)).toBe('640');
    expect((statSync(fixture.path('pod')).mode & 0o777).toString(8)).toBe('755');
  });

  it('appends to one that is there', () => {
    writeFileSync(fixture.path('0.log'), 'before\n');
    const file = new LogFile(fixture.path('0.log'), deps);
    file.append(Buffer.from('after\n'));
    file.close();
    expect(readFileSync(fixture.path('0.log'), 'utf8')).toBe('before\nafter\n');
  });

  it('ends the half line that a crash has left', () => {
    writeFileSync(fixture.path('0.log'), 'whole\nhal');
    const file = new LogFile(fixture.path('0.log'), deps);
    file.append(Buffer.from('after\n'));
    file.close();
    expect(readFileSync(fixture.path('0.log'), 'utf8')).toBe('whole\nhal\nafter\n');
  });

  it('refuses a link, whatever it points to', () => {
    writeFileSync(fixture.path('secret'), '');
    symlinkSync(fixture.path('secret'), fixture.path('0.log'));
    expect(() => new LogFile(fixture.path('0.log'), deps)).toThrow('open the log file');
  });

  it.each([
    ['a FIFO', (path: string) => execFileSync('mkfifo', [path])],
    ['a directory', (path: string) => execFileSync('mkdir', [path])],
  ])('refuses %s at once', (_, make) => {
    make(fixture.path('0.log'));
    expect(() => new LogFile(fixture.path('0.log'), deps)).toThrow(/log file/);
  });

  it('refuses a device', () => {
    expect(() => new LogFile('/dev/full', deps)).toThrow('not a regular file');
  });
});

describe('a log file on a disk that fails', () => {
  /** Takes so many bytes at each call; undefined fails. */
  function disk(takes: (number | undefined)[]): { write: WriteSync; content: () => string } {
    let content = '';
    return {
      write: (_fd, data, offset, length) => {
        const take = takes.length > 0 ? takes.shift() : length;
        if (take === undefined) throw noSpace;
        const n = Math.min(take, length);
        content += data.toString('utf8', offset, offset + n);
        return n;
      },
      content: () => content,
    };
  }

  function appended(takes: (number | undefined)[], chunks: string[]): string {
    const { write, content } = disk(takes);
    const file = new LogFile(fixture.path('0.log'), { ...deps, write });
    for (const chunk of chunks) file.append(Buffer.from(chunk));
    file.close();
    return content();
  }

  it.each<[string, (number | undefined)[], string[], string]>([
    ['continues a short write', [2, 1], ['abc\nd\n'], 'abc\nd\n'],
    ['loses a chunk that finds no space', [undefined], ['lost\n', 'kept\n'], 'kept\n'],
    ['completes a torn line with the next chunk', [2, undefined], ['abc\nlost\n', 'next\n'], 'abc\nnext\n'],
    ['loses only whole lines when the cut is between two', [4, undefined], ['abc\nlost\n', 'next\n'], 'abc\nnext\n'],
    [
      'keeps a torn line over several failures',
      [2, undefined, undefined, 1, undefined],
      ['abcd\n', 'x\n', 'y\n', 'z\n'],
      'abcd\nz\n',
    ],
    ['completes a torn line when it is closed', [2, undefined], ['abc\n'], 'abc\n'],
    ['takes a write of nothing as a failure', [0], ['lost\n', 'kept\n'], 'kept\n'],
  ])('%s', (_, takes, chunks, content) => {
    expect(appended(takes, chunks)).toBe(content);
  });

  it('counts what it loses', () => {
    appended([2, undefined], ['abc\nlost\n', 'next\n']);
    expect(counted).toEqual({ crisp_container_log_write_failures_total: 1, crisp_container_log_lost_bytes_total: 5 });
  });

  it('says once that it fails, and once that it works again', () => {
    const said: string[] = [];
    const log = { ...silentLogger, warn: (m: string) => said.push(m), info: (m: string) => said.push(m) };
    const { write } = disk([undefined, undefined, undefined]);
    const file = new LogFile(fixture.path('0.log'), { log, metrics, write });
    for (let i = 0; i < 5; i++) file.append(Buffer.from('line\n'));
    file.close();
    expect(said).toEqual(['a container log cannot be written', 'a container log can be written again']);
  });

  it('ignores what comes after it was closed', () => {
    const file = new LogFile(fixture.path('0.log'), deps);
    file.close();
    file.append(Buffer.from('late\n'));
    file.close();
    expect(readFileSync(fixture.path('0.log'), 'utf8')).toBe('');
  });
});
