import { Readable } from 'node:stream';
import fc from 'fast-check';
import { UnreadQueue } from '../../../src/streaming/unread-queue';
import { settle, until } from '../../support/streaming/until';

function queue(highWaterMark = 65_536) {
  const stream = new Readable({ read: () => undefined, highWaterMark });
  const state = { unread: 0 };
  const made = new UnreadQueue(stream, (by) => {
    state.unread += by;
  });
  return { stream, state, queue: made };
}

describe('What waits for its reader', () => {
  it('is counted until it is read', async () => {
    const { stream, state, queue: parts } = queue();
    parts.push(Buffer.alloc(5000));
    for (let i = 0; i < 100; i++) parts.push(Buffer.from('x'));
    expect(state.unread).toBe(5100);
    expect(stream.read()).toHaveLength(5000);
    expect(state.unread).toBe(100);
    expect(stream.read()).toHaveLength(100);
    expect(state.unread).toBe(0);
  });

  it('is not counted when somebody reads as it comes', () => {
    const { stream, state, queue: parts } = queue();
    stream.on('data', () => undefined);
    stream.resume();
    for (let i = 0; i < 10; i++) parts.push(Buffer.alloc(100));
    return settle(2).then(() => expect(state.unread).toBe(0));
  });

  it('is given back when the stream is destroyed', async () => {
    const { stream, state, queue: parts } = queue();
    parts.push(Buffer.alloc(5000));
    parts.push(Buffer.from('x'));
    stream.destroy();
    await until('it is given back', () => state.unread === 0);
  });

  it('lies in few chunks, however small the parts were', async () => {
    const { stream, queue: parts } = queue();
    for (let i = 0; i < 65_536; i++) parts.push(Buffer.from([i % 251]));
    parts.end();
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    await until('the end', () => stream.readableEnded);
    expect(chunks.length).toBeLessThanOrEqual(18);
    expect(Buffer.concat(chunks).equals(Buffer.from(Array.from({ length: 65_536 }, (_, at) => at % 251)))).toBe(true);
  });

  it('is told to be too much once the stream is full', () => {
    const { queue: parts } = queue(10_000);
    let room = true;
    let pushed = 0;
    for (; room; pushed++) room = parts.push(Buffer.from('x'));
    expect(pushed).toBeGreaterThanOrEqual(10_000);
    expect(pushed).toBeLessThan(10_000 + 2 * 4096);
  });

  it('comes out as it went in, whatever its parts and however it is read', async () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 3000 }) }),
      fc.record({ read: fc.integer({ min: 0, max: 3000 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, flowing) => {
        const { stream, state, queue: parts } = queue();
        const [sent, read]: [Buffer[], Buffer[]] = [[], []];
        if (flowing) stream.on('data', (chunk: Buffer) => read.push(chunk));
        let next = 0;
        for (const each of steps) {
          if ('push' in each) {
            const part = Buffer.from(Array.from({ length: each.push }, () => next++ % 251));
            sent.push(part);
            parts.push(part);
          } else if (flowing) {
            if (each.read % 2 === 0) stream.pause();
            else stream.resume();
          } else {
            const chunk: Buffer | null = stream.read(each.read === 0 ? undefined : each.read);
            if (chunk) read.push(chunk);
          }
        }
        parts.end();
        if (!flowing) stream.on('data', (chunk: Buffer) => read.push(chunk));
        stream.resume();
        await until('the end', () => stream.readableEnded);
        expect(Buffer.concat(read).equals(Buffer.concat(sent))).toBe(true);
        expect(state.unread).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});
