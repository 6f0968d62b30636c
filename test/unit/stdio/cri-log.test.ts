import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { silentLogger } from '../../../src/base/logger';
import { noMetrics } from '../../../src/base/metrics';
import { createOutputBuffer, LogWriter, type LogWriterOptions, type OutputStream } from '../../../src/stdio/cri-log';
import { StdioError } from '../../../src/stdio/stdio-error';
import { Fixture, parseLog } from './fixture';

const NOON = 1_700_000_000n * 1_000_000_000n; // 2023-11-14T22:13:20Z

let fixture: Fixture;
beforeEach(() => {
  fixture = new Fixture();
});
afterEach(() => {
  expect(fixture.openPaths()).toEqual([]);
  fixture.remove();
});

function writerFor(options: Partial<LogWriterOptions> = {}): LogWriter {
  return new LogWriter({
    path: fixture.path('0.log'),
    maxLineBytes: 10,
    outputBuffer: createOutputBuffer(),
    now: () => NOON,
    log: silentLogger,
    metrics: noMetrics,
    ...options,
  });
}

/** `tag content` of all lines, after writing the chunks and closing. */
function logged(chunks: readonly string[], options: Partial<LogWriterOptions> = {}): string[] {
  const writer = writerFor(options);
  for (const chunk of chunks) writer.write('stdout', Buffer.from(chunk, 'latin1'));
  writer.close();
  return parseLog(readFileSync(writer.path)).map(({ tag, content }) => `${tag} ${content}`);
}

describe('a LogWriter', () => {
  it('writes time, stream, tag and content, one nanosecond apart', () => {
    const writer = writerFor();
    writer.write('stdout', Buffer.from('one\ntwo\n'));
    writer.write('stderr', Buffer.from('three\n'));
    writer.close();
    expect(readFileSync(writer.path, 'latin1')).toBe(
      '2023-11-14T22:13:20.000000001Z stdout F one\n' +
        '2023-11-14T22:13:20.000000002Z stdout F two\n' +
        '2023-11-14T22:13:20.000000003Z stderr F three\n',
    );
  });

  it.each<[string, string[], string[]]>([
    ['an empty line', ['\n'], ['F ']],
    ['nothing at all', [''], []],
    ['a line in pieces', ['a', 'b', 'c\nd', '\n'], ['F abc', 'F d']],
    ['a line of the limit', ['0123456789\n'], ['F 0123456789']],
    ['a line of the limit and one', ['0123456789a\n'], ['P 0123456789', 'F a']],
    ['a line of three pieces', ['0123456789abcdefghijK\n'], ['P 0123456789', 'P abcdefghij', 'F K']],
    ['a long line byte by byte', [...'0123456789abcdefghijK\n'], ['P 0123456789', 'P abcdefghij', 'F K']],
    ['what ends without a newline', ['x\nyz'], ['F x', 'P yz']],
    ['a long end without a newline', ['0123456789ab'], ['P 0123456789', 'P ab']],
    ['an end of just the limit', ['0123456789'], ['P 0123456789']],
    ['a return before the newline', ['a\r\n'], ['F a']],
    ['only one return of two', ['a\r\r\n'], ['F a\r']],
    ['a return and newline in two chunks', ['a\r', '\n'], ['F a']],
    ['a return within a line', ['a\rb\n'], ['F a\rb']],
    ['a return with nothing before it', ['\r\n'], ['F ']],
    ['a return behind a line of the limit', ['0123456789\r\n'], ['F 0123456789']],
    ['the same in two chunks', ['0123456789\r', '\n'], ['F 0123456789']],
    ['a return that was none of the line end', ['0123456789\r', 'x\n'], ['P 0123456789', 'F \rx']],
    ['a return at the very end', ['ab\r'], ['P ab\r']],
    ['a return at the very end, over the limit', ['0123456789\r'], ['P 0123456789', 'P \r']],
    ['bytes that are no text', ['\xff\xfe\x00\x80\n'], ['F \xff\xfe\x00\x80']],
  ])('writes %s', (_, chunks, lines) => {
    expect(logged(chunks)).toEqual(lines);
  });

  it.each([0, -1])('does not split with a limit of %d', (maxLineBytes) => {
    const line = 'x'.repeat(3_000_000);
    expect(logged([line.slice(0, 1_000_000), line.slice(1_000_000), '\n'], { maxLineBytes })).toEqual([`F ${line}`]);
  });

  it('splits even an unlimited line at 16 MiB, so that one container cannot take all memory', () => {
    const mib = 'x'.repeat(1024 * 1024);
    const lines = logged([...Array<string>(17).fill(mib), '\n'], { maxLineBytes: -1 });
    expect(lines.map((line) => `${line[0]} ${line.length - 2}`)).toEqual(['P 16777216', 'F 1048576']);
  });

  it('keeps what one stream has not finished apart from the other', () => {
    const writer = writerFor();
    writer.write('stdout', Buffer.from('out'));
    writer.write('stderr', Buffer.from('err\n'));
    writer.write('stdout', Buffer.from('put\n'));
    writer.close();
    expect(parseLog(readFileSync(writer.path)).map(({ stream, content }) => [stream, content])).toEqual([
      ['stderr', 'err'],
      ['stdout', 'output'],
    ]);
  });

  it('writes a chunk with one system call', () => {
    const sizes: number[] = [];
    const writer = writerFor({
      write: (_fd, _data, _offset, length) => {
        sizes.push(length);
        return length;
      },
    });
    writer.write('stdout', Buffer.from('a\n'.repeat(1000)));
    writer.close();
    expect(sizes).toEqual([1000 * 42]);
  });
});

describe('the times of a log', () => {
  const times = (log: Buffer): string[] => parseLog(log).map(({ time }) => time.slice(17));

  it('carry into the next second', () => {
    const writer = writerFor({ now: () => NOON + 999_999_998n });
    writer.write('stdout', Buffer.from('a\nb\nc\n'));
    writer.close();
    expect(times(readFileSync(writer.path))).toEqual(['20.999999999Z', '21.000000000Z', '21.000000001Z']);
  });

  it('never go back when the clock does, until the next file', () => {
    let now = NOON;
    const writer = writerFor({ now: () => now });
    writer.write('stdout', Buffer.from('a\n'));
    now -= 7_000_000_000n;
    writer.write('stderr', Buffer.from('b\n'));
    writer.reopen(fixture.path('1.log'));
    writer.write('stderr', Buffer.from('c\n'));
    writer.close();
    expect(times(readFileSync(fixture.path('0.log')))).toEqual(['20.000000001Z', '20.000000002Z']);
    expect(times(readFileSync(fixture.path('1.log')))).toEqual(['13.000000001Z']);
  });

  it('are those of the wall clock', () => {
    const before = new Date().toISOString();
    const writer = writerFor({ now: undefined });
    writer.write('stdout', Buffer.from('a\n'));
    writer.close();
    const [time = ''] = parseLog(readFileSync(writer.path)).map((line) => line.time);
    expect(time.slice(0, 23) >= before.slice(0, 23)).toBe(true);
    expect(time.slice(0, 23) <= new Date(Date.now() + 1000).toISOString()).toBe(true);
  });
});

describe('reopening', () => {
  it('goes on in the new file with the line that had begun', () => {
    const writer = writerFor();
    writer.write('stdout', Buffer.from('old\nstrad'));
    renameSync(fixture.path('0.log'), fixture.path('0.log.old'));
    writer.reopen(fixture.path('0.log'));
    writer.write('stdout', Buffer.from('dling\n'));
    writer.close();
    expect(parseLog(readFileSync(fixture.path('0.log.old'))).map(({ content }) => content)).toEqual(['old']);
    expect(parseLog(readFileSync(fixture.path('0.log'))).map(({ content }) => content)).toEqual(['straddling']);
  });

  it('keeps the old file when the new one cannot be opened', () => {
    const writer = writerFor();
    writeFileSync(fixture.path('file'), '');
    expect(() => writer.reopen(fixture.path('file/1.log'))).toThrow(StdioError);
    writer.write('stdout', Buffer.from('still here\n'));
    writer.close();
    expect(parseLog(readFileSync(fixture.path('0.log'))).map(({ content }) => content)).toEqual(['still here']);
  });
});

/** What a stream becomes, worked out the slow way. */
function expected(input: Buffer, max: number): string[] {
  const parts = input.toString('latin1').split('\n');
  const end = parts.pop() ?? '';
  const pieces = (line: string, last: 'F' | 'P'): string[] => {
    const out: string[] = [];
    let rest = line;
    for (; rest.length > max; rest = rest.slice(max)) out.push(`P ${rest.slice(0, max)}`);
    return [...out, `${last} ${rest}`];
  };
  return [...parts.flatMap((line) => pieces(line.replace(/\r$/, ''), 'F')), ...(end ? pieces(end, 'P') : [])];
}

const output = fc
  .array(fc.oneof(fc.constantFrom('\n', '\r', '\r\n', 'x', 'yz'), fc.string({ unit: 'binary-ascii', maxLength: 30 })), {
    maxLength: 40,
  })
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));
const chunks = fc.array(fc.record({ stream: fc.constantFrom<OutputStream>('stdout', 'stderr'), data: output }), {
  maxLength: 12,
});

describe('any output in any chunks', () => {
  it('arrives in order, split at the limit, with increasing times', () => {
    fc.assert(
      fc.property(chunks, fc.integer({ min: 1, max: 40 }), fc.constantFrom(64, 100, 4096), (writes, max, room) => {
        const path = fixture.path(`p${Math.random()}.log`);
        const writer = writerFor({ path, maxLineBytes: max, outputBuffer: Buffer.alloc(room) });
        for (const { stream, data } of writes) writer.write(stream, data);
        writer.close();
        const lines = parseLog(readFileSync(path));
        for (const stream of ['stdout', 'stderr']) {
          const all = Buffer.concat(writes.filter((write) => write.stream === stream).map(({ data }) => data));
          const got = lines.filter((line) => line.stream === stream).map(({ tag, content }) => `${tag} ${content}`);
          expect(got).toEqual(expected(all, max));
        }
        const times = lines.map(({ time }) => time);
        expect(times).toEqual([...new Set(times)].sort());
      }),
    );
  });

  it('leaves only whole lines, in order, on a disk that fails now and then', () => {
    const takes = fc.infiniteStream(fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 50 }), fc.constant(1e6)));
    fc.assert(
      fc.property(chunks, takes, (writes, disk) => {
        const path = fixture.path(`f${Math.random()}.log`);
        let file = Buffer.alloc(0);
        const write = (_fd: number, data: Buffer, offset: number, length: number): number => {
          const takes = disk.next().value;
          if (takes < 0) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
          const n = Math.min(takes, length);
          file = Buffer.concat([file, data.subarray(offset, offset + n)]);
          return n;
        };
        const writer = writerFor({ path, write });
        for (const { stream, data } of writes) writer.write(stream, data);
        writer.close();
        const perfect = writerFor({ path: fixture.path(`g${Math.random()}.log`) });
        for (const { stream, data } of writes) perfect.write(stream, data);
        perfect.close();
        const all = parseLog(readFileSync(perfect.path)).map((line) => JSON.stringify(line));
        // Only the last line can be half there: nobody came to complete it.
        const whole = file.subarray(0, file.lastIndexOf('\n') + 1);
        const got = parseLog(whole).map((line) => all.indexOf(JSON.stringify(line)));
        expect(got).not.toContain(-1);
        expect(got).toEqual([...new Set(got)].sort((a, b) => a - b));
      }),
    );
  });
});
