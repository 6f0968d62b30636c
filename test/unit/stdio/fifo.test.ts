import { symlinkSync, writeFileSync } from 'node:fs';
import { createReadBuffer, FifoReader, openFifoWriter } from '../../../src/stdio/fifo';
import { StdioError } from '../../../src/stdio/stdio-error';
import { Fixture, turn, until } from './fixture';

let fixture: Fixture;
beforeEach(() => {
  fixture = new Fixture();
});
afterEach(() => {
  expect(fixture.openPaths()).toEqual([]);
  fixture.remove();
});

function reading(path: string) {
  const seen = { text: '', ends: 0 };
  const reader = new FifoReader({
    path,
    readBuffer: createReadBuffer(),
    onData: (chunk) => {
      seen.text += chunk.toString('latin1');
    },
    onEnd: () => {
      seen.ends += 1;
    },
  });
  return { reader, seen };
}

describe('a FifoReader', () => {
  it('opens without a writer, and ends when the first has come and gone', async () => {
    const path = fixture.fifo('out');
    const { reader, seen } = reading(path);
    for (let i = 0; i < 20; i++) await turn();
    expect([seen.ends, reader.ended]).toEqual([0, false]);
    const writer = fixture.writer(path);
    writer.write('hello');
    writer.close();
    await until(() => reader.ended);
    expect(seen).toEqual({ text: 'hello', ends: 1 });
  });

  it('does not end while somebody holds the FIFO', async () => {
    const path = fixture.fifo('out');
    const { reader, seen } = reading(path);
    const [first, second] = [fixture.writer(path), fixture.writer(path)];
    first.write('a');
    first.close();
    await until(() => seen.text === 'a');
    for (let i = 0; i < 20; i++) await turn();
    expect(reader.ended).toBe(false);
    second.close();
    await until(() => reader.ended);
  });

  it('reads megabytes through one buffer, byte for byte', async () => {
    const path = fixture.fifo('out');
    const { reader, seen } = reading(path);
    const data = Buffer.alloc(3_000_000, 'every byte counts, ');
    const writer = fixture.writer(path);
    await writer.writeAll(data);
    writer.close();
    await until(() => reader.ended);
    expect(seen.text === data.toString('latin1')).toBe(true);
  });

  it('leaves what it has not read to the next reader', async () => {
    const path = fixture.fifo('out');
    const { reader, seen } = reading(path);
    const writer = fixture.writer(path);
    reader.pause();
    writer.write('for the next');
    const next = reading(path);
    reader.close();
    await until(() => next.seen.text === 'for the next');
    writer.close();
    await until(() => next.reader.ended);
    expect(seen).toEqual({ text: '', ends: 0 });
  });

  it('stops at pause and goes on at resume', async () => {
    const path = fixture.fifo('out');
    const { reader, seen } = reading(path);
    const writer = fixture.writer(path);
    reader.pause();
    writer.write('later');
    for (let i = 0; i < 20; i++) await turn();
    expect(seen.text).toBe('');
    reader.resume();
    await until(() => seen.text === 'later');
    writer.close();
    await until(() => reader.ended);
  });

  it('takes what lies in the pipe without waiting', () => {
    const path = fixture.fifo('out');
    const { reader, seen } = reading(path);
    const writer = fixture.writer(path);
    writer.write('x'.repeat(65536));
    reader.sweep(1024 * 1024);
    reader.sweep(1024 * 1024);
    reader.close();
    reader.sweep(1024 * 1024);
    writer.close();
    expect([seen.text.length, seen.ends]).toEqual([65536, 0]);
  });

  it.each([
    ['a regular file', (path: string) => writeFileSync(path, '')],
    ['a link', (path: string) => symlinkSync(fixture.fifo('other'), path)],
    ['nothing', () => undefined],
  ])('refuses %s', (_, make) => {
    make(fixture.path('out'));
    expect(() => reading(fixture.path('out'))).toThrow(StdioError);
  });
});

describe('openFifoWriter', () => {
  it('answers nothing while nobody reads', () => {
    expect(openFifoWriter(fixture.fifo('in'))).toBeUndefined();
  });

  it('refuses what is no FIFO', () => {
    writeFileSync(fixture.path('in'), '');
    expect(() => openFifoWriter(fixture.path('in'))).toThrow('not a FIFO');
  });
});
