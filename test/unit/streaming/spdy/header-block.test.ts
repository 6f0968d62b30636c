import { constants, createDeflate, type Deflate } from 'node:zlib';
import fc from 'fast-check';
import { headerDictionary } from '../../../../src/streaming/spdy/dictionary';
import { HeaderInflater, parseHeaders } from '../../../../src/streaming/spdy/header-block';
import { SpdyError } from '../../../../src/streaming/spdy/limits';
import { plainHeaders, word } from '../../../support/streaming/spdy-client';

const LIMITS = { headerBytes: 64 * 1024, headers: 100 };

/** A peer's compressor: each block goes on where the last one stopped. */
class Peer {
  private parts: Buffer[] = [];
  readonly deflate: Deflate;

  constructor(dictionary: Buffer | undefined = headerDictionary()) {
    this.deflate = createDeflate({ dictionary, flush: constants.Z_SYNC_FLUSH });
    this.deflate.on('data', (part: Buffer) => this.parts.push(part));
  }

  block(plain: Buffer): Promise<Buffer> {
    return new Promise((resolve) => {
      this.parts = [];
      this.deflate.write(plain, () => resolve(Buffer.concat(this.parts)));
    });
  }

  /** The block that says that no other follows. */
  last(plain: Buffer): Promise<Buffer> {
    return new Promise((resolve) => {
      this.parts = [];
      this.deflate.once('end', () => resolve(Buffer.concat(this.parts)));
      this.deflate.end(plain);
    });
  }
}

const inflaters: HeaderInflater[] = [];
afterEach(() => {
  for (const each of inflaters.splice(0)) each.close();
});

function inflater(limits = LIMITS): HeaderInflater {
  const made = new HeaderInflater(limits);
  inflaters.push(made);
  return made;
}

/** Adler-32, by which zlib names a dictionary. */
function adler32(bytes: Buffer): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  return b * 65_536 + a;
}

describe('The dictionary', () => {
  it('is the one of SPDY/3, which zlib streams name by its checksum', () => {
    expect([headerDictionary().length, adler32(headerDictionary())]).toEqual([1423, 0xe3c6a7c2]);
  });
});

describe('Headers', () => {
  it('are read with their names in lower case', () => {
    const block = plainHeaders([
      ['streamType', 'data'],
      ['Port', '80'],
      ['empty', ''],
      ['text', 'grün'],
    ]);
    expect([...parseHeaders(block, 4)]).toEqual([
      ['streamtype', 'data'],
      ['port', '80'],
      ['empty', ''],
      ['text', 'grün'],
    ]);
  });

  it.each([
    ['nothing', Buffer.alloc(0), 'ends too early'],
    ['half a count', Buffer.from([0, 0]), 'ends too early'],
    ['a count and no headers', word(1), 'ends too early'],
    ['a name that is longer than all', Buffer.concat([word(1), word(0xffff_ffff)]), 'ends too early'],
    ['a name without a value', Buffer.concat([word(1), word(1), Buffer.from('a')]), 'ends too early'],
    ['too many', plainHeaders(Array.from({ length: 5 }, (_, at) => [`n${at}`, ''])), '5 headers'],
    ['a count beyond reason', word(0xffff_ffff), '4294967295 headers'],
    [
      'one twice',
      plainHeaders([
        ['A', '1'],
        ['a', '2'],
      ]),
      'given twice',
    ],
  ])('of %s are refused', (_what, block, message) => {
    expect(() => parseHeaders(block, 4)).toThrow(SpdyError);
    expect(() => parseHeaders(block, 4)).toThrow(message);
  });

  it('of any bytes are read or refused, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(parseHeaders(Buffer.from(bytes), 100).size).toBeLessThanOrEqual(100);
        } catch (error) {
          expect(error).toBeInstanceOf(SpdyError);
        }
      }),
    );
  });

  it('come out as they went in', () => {
    const headers = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z-]{1,20}$/), fc.string({ unit: 'grapheme' })), {
      selector: ([name]) => name,
      maxLength: 20,
    });
    fc.assert(
      fc.property(headers, (list) => {
        expect([...parseHeaders(plainHeaders(list), 20)]).toEqual(list);
      }),
    );
  });
});

describe('Header blocks of one connection', () => {
  it('are one zlib stream', async () => {
    const peer = new Peer();
    const reader = inflater();
    for (const port of ['80', '443', '80']) {
      const block = await peer.block(
        plainHeaders([
          ['streamtype', 'data'],
          ['port', port],
        ]),
      );
      expect((await reader.read(block)).get('port')).toBe(port);
    }
  });

  it('without compression, as a small client may send them, are read too', async () => {
    const plain = plainHeaders([['a', 'b']]);
    const stored = Buffer.concat([Buffer.from([0, plain.length, 0, ~plain.length & 255, 255]), plain]);
    const sync = Buffer.from([0, 0, 0, 255, 255]);
    expect((await inflater().read(Buffer.concat([Buffer.from([0x78, 1]), stored, sync]))).get('a')).toBe('b');
  });

  it.each([
    ['garbage', async () => Buffer.from('garbage that is no zlib stream')],
    ['no bytes', async () => Buffer.alloc(0)],
    ['another dictionary', () => new Peer(Buffer.from('another dictionary')).block(plainHeaders([]))],
    [
      'a block that is cut off',
      async () => (await new Peer().block(plainHeaders([['a', 'b'.repeat(99)]]))).subarray(0, 9),
    ],
    ['headers that are none', () => new Peer().block(Buffer.from('xyz'))],
    ['too many headers', () => new Peer().block(plainHeaders(Array.from({ length: 101 }, (_, at) => [`n${at}`, ''])))],
  ])('are refused: %s', async (_what, make) => {
    await expect(inflater().read(await make())).rejects.toBeInstanceOf(SpdyError);
  });

  it.each(['right away', 'after the end'])('that end the stream are refused: more comes %s', async (when) => {
    const reader = inflater();
    const last = await new Peer().last(plainHeaders([['a', 'b']]));
    const more = Buffer.from('more');
    const reading = reader.read(when === 'right away' ? Buffer.concat([last, more]) : last);
    if (when === 'right away') await expect(reading).rejects.toBeInstanceOf(SpdyError);
    else {
      await reading.catch(() => undefined);
      await expect(reader.read(more)).rejects.toBeInstanceOf(SpdyError);
    }
  });

  it('that inflate to more than is allowed are refused without being kept', async () => {
    const zeros = Buffer.alloc(32 << 20);
    const block = await new Peer().block(zeros);
    expect(block.length).toBeLessThan(64 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    await expect(inflater().read(block)).rejects.toThrow('the headers are too large');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 << 20);
  });

  it('just as large as is allowed are read', async () => {
    const reader = inflater({ headerBytes: 1000, headers: 1 });
    const peer = new Peer();
    const block = await peer.block(plainHeaders([['a', 'b'.repeat(1000 - 13)]]));
    expect((await reader.read(block)).get('a')).toHaveLength(987);
    await expect(reader.read(await peer.block(plainHeaders([['a', 'b'.repeat(988)]])))).rejects.toThrow('too large');
  });

  it('that are under way when the connection closes are given up', async () => {
    const reader = inflater();
    const reading = reader.read(await new Peer().block(plainHeaders([['a', 'b']])));
    reader.close();
    await expect(reading).rejects.toThrow('the connection is closed');
  });

  it('of any bytes are read or refused in time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 3 }), async (blocks) => {
        const reader = new HeaderInflater(LIMITS);
        const peer = new Peer();
        await reader.read(await peer.block(plainHeaders([['a', 'b']])));
        try {
          for (const block of blocks) await reader.read(Buffer.from(block));
        } catch (error) {
          expect(error).toBeInstanceOf(SpdyError);
        } finally {
          reader.close();
          peer.deflate.close();
        }
      }),
      { numRuns: 200 },
    );
  });
});
