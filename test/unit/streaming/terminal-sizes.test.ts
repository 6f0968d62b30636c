import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import type { TerminalSize } from '../../../src/streaming/streaming-runtime';
import { TerminalSizes } from '../../../src/streaming/terminal-sizes';
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
