import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import type { TerminalSize } from '../../../src/streaming/streaming-runtime';
import { SIZE_TEXT_BYTES, SIZES_AT_A_TIME, TerminalSizes } from '../../../src/streaming/terminal-sizes';
import { leastMsWith, MOST_HELD_MS } from '../../support/least-ms';
import { settle } from '../../support/streaming/until';

async function sizesIn(...chunks: (string | Buffer)[]): Promise<TerminalSize[]> {
  const from = new PassThrough();
  const sizes = new TerminalSizes(from);
  const seen: TerminalSize[] = [];
  sizes.onResize((size) => seen.push(size));
  for (const chunk of chunks) from.write(chunk);
  from.end();
  await settle(2);
  return seen;
}

/** One size in a text of so many bytes. */
function padded(length: number): string {
  const [head, tail] = ['{"Width":80,', '"Height":24}'];
  return `${head}${' '.repeat(length - head.length - tail.length)}${tail}`;
}

describe('Terminal sizes', () => {
  it.each([
    ['one', ['{"Width":80,"Height":24}'], ['80x24']],
    [
      'several in one piece',
      ['{"Width":1,"Height":2}\n{"Width":3,"Height":4}{"Width":5,"Height":6}'],
      ['1x2', '3x4', '5x6'],
    ],
    ['one in several pieces', ['{"Wid', 'th":80,', '"Height":24', '}'], ['80x24']],
    ['the largest', ['{"Width":65535,"Height":65535}'], ['65535x65535']],
    ['in lower case, as clients in other languages write it', ['{"width":80,"height":24}'], ['80x24']],
    ['with more members', ['{"Width":80,"Height":24,"Depth":3}'], ['80x24']],
  ])('are read: %s', async (_what, chunks, expected) => {
    expect((await sizesIn(...chunks)).map(({ width, height }) => `${width}x${height}`)).toEqual(expected);
  });

  it.each([
    '{"Width":0,"Height":0}',
    '{"Width":80,"Height":0}',
    '{"Width":-1,"Height":24}',
    '{"Width":65536,"Height":24}',
    '{"Width":80.5,"Height":24}',
    '{"Width":"80","Height":24}',
    '{}',
    '}',
    'null}',
    'garbage}',
    '[1,2]}',
    '{"__proto__":{"Width":80,"Height":24}}',
  ])('that are none are passed over, and the next one counts: %s', async (text) => {
    const seen = await sizesIn(text, '{"Width":7,"Height":8}');
    expect(seen).toContainEqual({ width: 7, height: 8 });
    expect(seen).toHaveLength(1);
  });

  it('that came before anybody asked are told: the latest', async () => {
    const from = new PassThrough();
    const sizes = new TerminalSizes(from);
    from.write('{"Width":1,"Height":1}{"Width":2,"Height":2}');
    await settle(2);
    const seen: TerminalSize[] = [];
    sizes.onResize((size) => seen.push(size));
    expect(seen).toEqual([{ width: 2, height: 2 }]);
  });

  it('without an end are not collected', async () => {
    const seen = await sizesIn('x'.repeat(5000), '}', '{"Width":7,"Height":8}');
    expect(seen).toEqual([{ width: 7, height: 8 }]);
  });

  it('that come split anywhere are read', async () => {
    const text = '{"Width":80,"Height":24}\n{"Width":81,"Height":25}';
    for (let at = 0; at <= text.length; at++) {
      const seen = await sizesIn(text.slice(0, at), text.slice(at));
      expect(seen).toEqual([
        { width: 80, height: 24 },
        { width: 81, height: 25 },
      ]);
    }
    expect(await sizesIn(...text)).toHaveLength(2);
  });

  it.each([
    ['as long as a text may be is read', SIZE_TEXT_BYTES, [{ width: 80, height: 24 }]],
    ['a byte longer is none', SIZE_TEXT_BYTES + 1, []],
  ])('%s', async (_what, length, expected) => {
    const text = padded(length);
    expect(await sizesIn(text)).toEqual(expected);
    expect(await sizesIn(...text)).toEqual(expected);
    expect(await sizesIn(text, '{"Width":7,"Height":8}')).toEqual([...expected, { width: 7, height: 8 }]);
  });

  it('that come at a time are read up to a number, the latest of them', async () => {
    const size = (width: number) => ({ width, height: 24 });
    const texts = (count: number) =>
      Array.from({ length: count }, (_, at) => `{"Width":${at + 1},"Height":24}`).join('');
    const all = Array.from({ length: SIZES_AT_A_TIME }, (_, at) => size(at + 1));
    expect(await sizesIn(texts(SIZES_AT_A_TIME))).toEqual(all);
    expect(await sizesIn(texts(SIZES_AT_A_TIME + 1))).toEqual([...all.slice(1), size(SIZES_AT_A_TIME + 1)]);
  });

  it.each([
    ['}', 1 << 20],
    ['{}', 1 << 20],
    ['{"Width":1,"Height":1}', 1 << 20],
    ['{"Width":1,"Height":1,"x":"', 1 << 20],
    ['{'.repeat(99), 1 << 20],
    ['}', 12 << 20],
  ])('of which there are very many hold up nothing: %s, %d bytes', (text, length) => {
    const chunk = Buffer.alloc(length, text);
    const held = leastMsWith(
      MOST_HELD_MS,
      () => {
        const from = new PassThrough({ highWaterMark: 32 << 20 });
        new TerminalSizes(from).onResize(() => undefined);
        return from;
      },
      (from) => from.emit('data', chunk),
    );
    expect(held).toBeLessThan(MOST_HELD_MS);
  });

  it('behind very much that is none count', async () => {
    const seen = await sizesIn(`${'}'.repeat(1 << 20)}{"Width":7,"Height":8}`);
    expect(seen).toEqual([{ width: 7, height: 8 }]);
  });

  it('of a client that has no such stream never come', () => {
    const sizes = new TerminalSizes(undefined);
    expect(() => sizes.onResize(() => undefined)).not.toThrow();
  });

  it('survive any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 }), async (chunks) => {
        const seen = await sizesIn(...chunks.map((chunk) => Buffer.from(chunk)));
        return seen.every(({ width, height }) => width > 0 && height > 0 && width <= 65_535 && height <= 65_535);
      }),
      { numRuns: 50 },
    );
  });
});
