import fc from 'fast-check';
import { FrameReader } from '../../../../src/streaming/spdy/frame-reader';
import { SpdyError } from '../../../../src/streaming/spdy/limits';
import { control, data, FIN } from '../../../support/streaming/spdy-client';

type Told = { data: number; text: string } | { fin: number } | { control: number; flags: number; text: string };

/** A reader, and what it told with neighbouring pieces of one stream's data put together. */
function reading(controlBytes = 64) {
  const told: Told[] = [];
  const reader: FrameReader = new FrameReader(
    {
      onData: (id, part) => {
        const last = told.at(-1);
        if (last && 'data' in last && last.data === id) last.text += part.toString('latin1');
        else told.push({ data: id, text: part.toString('latin1') });
      },
      onFin: (id) => told.push({ fin: id }),
      onControl: (type, flags, payload) => told.push({ control: type, flags, text: payload.toString('latin1') }),
    },
    controlBytes,
  );
  return { reader, told };
}

describe('FrameReader', () => {
  it('tells of frames in their order', () => {
    const { reader, told } = reading();
    const frames = [
      control(1, Buffer.from('open'), FIN),
      data(1, Buffer.from('one')),
      data(3, Buffer.from('two'), FIN),
    ];
    reader.read(Buffer.concat([...frames, control(6, Buffer.from('ping'))]));
    expect(told).toEqual([
      { control: 1, flags: 1, text: 'open' },
      { data: 1, text: 'one' },
      { data: 3, text: 'two' },
      { fin: 3 },
      { control: 6, flags: 0, text: 'ping' },
    ]);
  });

  it('tells of frames without a payload', () => {
    const { reader, told } = reading();
    reader.read(Buffer.concat([data(5, Buffer.alloc(0)), data(5, Buffer.alloc(0), FIN), control(7, Buffer.alloc(0))]));
    expect(told).toEqual([{ fin: 5 }, { control: 7, flags: 0, text: '' }]);
  });

  it('passes data on before its frame is complete', () => {
    const { reader, told } = reading();
    reader.read(data(1, Buffer.alloc(1000, 'x')).subarray(0, 108));
    expect(told).toEqual([{ data: 1, text: 'x'.repeat(100) }]);
  });

  it('takes the longest data frame there can be, of which it keeps nothing', () => {
    const { reader } = reading();
    const payload = Buffer.alloc(0xff_ffff);
    const frame = data(1, payload, FIN);
    const before = process.memoryUsage().arrayBuffers;
    for (let at = 0; at < frame.length; at += 65_536) reader.read(frame.subarray(at, at + 65_536));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });

  it.each([
    ['a control frame that is too long', control(1, Buffer.alloc(65)), 'a control frame of 65 bytes'],
    ['its header alone', control(1, Buffer.alloc(65)).subarray(0, 8), 'a control frame of 65 bytes'],
    ['another version', Buffer.from([0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1]), 'another version'],
    ['an HTTP/2 preface', Buffer.from('\xffRI * HTTP/2.0\r\n', 'latin1'), 'another version'],
  ])('refuses %s', (_what, bytes, message) => {
    const { reader, told } = reading();
    expect(() => reader.read(bytes)).toThrow(SpdyError);
    expect(() => reading().reader.read(bytes)).toThrow(message);
    expect(told).toEqual([]);
  });

  it('keeps what comes while it is held, and goes on with it in order', () => {
    const told: string[] = [];
    const reader: FrameReader = new FrameReader(
      {
        onData: (id, part) => told.push(`${id} ${part}`),
        onFin: () => undefined,
        onControl: (type) => {
          told.push(`control ${type}`);
          reader.hold();
        },
      },
      64,
    );
    const opening = control(1, Buffer.from('x'));
    reader.read(Buffer.concat([opening, data(1, Buffer.from('a')), opening, data(1, Buffer.from('b'))]));
    reader.read(Buffer.concat([data(1, Buffer.from('c')), opening]));
    reader.read(data(1, Buffer.from('d')));
    expect(told).toEqual(['control 1']);
    reader.release();
    expect(told).toEqual(['control 1', '1 a', 'control 1']);
    reader.release();
    expect(told.slice(3)).toEqual(['1 b', '1 c', 'control 1']);
    reader.release();
    expect(told.slice(6)).toEqual(['1 d']);
    reader.release();
    reader.read(data(1, Buffer.from('e')));
    expect(told.slice(7)).toEqual(['1 e']);
  });

  const frame = fc.oneof(
    fc.record({
      id: fc.integer({ min: 1, max: 9 }),
      flags: fc.constantFrom(0, FIN),
      bytes: fc.uint8Array({ maxLength: 40 }),
    }),
    fc.record({ type: fc.integer({ min: 0, max: 300 }), flags: fc.nat(255), bytes: fc.uint8Array({ maxLength: 40 }) }),
  );

  it('tells the same however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 10 }), fc.array(fc.integer({ min: 1, max: 30 })), (frames, cuts) => {
        const all = Buffer.concat(
          frames.map((each) =>
            'id' in each
              ? data(each.id, Buffer.from(each.bytes), each.flags)
              : control(each.type, Buffer.from(each.bytes), each.flags),
          ),
        );
        const whole = reading();
        whole.reader.read(all);
        const inPieces = reading();
        let at = 0;
        for (const cut of cuts) {
          inPieces.reader.read(all.subarray(at, at + cut));
          at += cut;
        }
        if (at < all.length) inPieces.reader.read(all.subarray(at));
        expect(inPieces.told).toEqual(whole.told);
      }),
    );
  });
});
