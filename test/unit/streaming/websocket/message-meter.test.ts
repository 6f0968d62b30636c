import fc from 'fast-check';
import { MessageMeter } from '../../../../src/streaming/websocket/message-meter';
import { leastMsWith, MOST_HELD_MS } from '../../../support/least-ms';
import { webSocketFrame } from '../../../support/streaming/web-socket-frames';

const frame = webSocketFrame;
const bytes = (size: number): Buffer => Buffer.alloc(size, 7);

describe('What is kept of messages', () => {
  it.each([0, 1, 125, 126, 65_535, 65_536, 200_000])(
    'is nothing after a whole one of %d bytes, however cut',
    (size) => {
      const whole = frame({ payload: bytes(size) });
      for (const cut of [1, 2, 5, 8, 13, 14, whole.length - 1]) {
        const meter = new MessageMeter();
        meter.read(whole.subarray(0, cut));
        if (cut < whole.length) expect(meter.bytes).toBeGreaterThanOrEqual(cut);
        meter.read(whole.subarray(cut));
        expect(meter.bytes).toBe(0);
      }
    },
  );

  it('is all since the first frame of one that has not ended, pings amid it too', () => {
    const meter = new MessageMeter();
    const parts = [
      frame({ fin: false, payload: bytes(10) }),
      frame({ opcode: 9, payload: bytes(100) }),
      frame({ fin: false, opcode: 0, payload: bytes(10) }),
    ];
    for (const part of parts) meter.read(part);
    expect(meter.bytes).toBeGreaterThanOrEqual(Buffer.concat(parts).length);
    meter.read(frame({ fin: true, opcode: 0 }));
    expect(meter.bytes).toBe(0);
  });

  it('does not grow by messages of which each ends in the middle of a piece', () => {
    const meter = new MessageMeter();
    const stream = Buffer.concat(Array.from({ length: 200 }, () => frame({ payload: bytes(33_000) })));
    let most = 0;
    for (let at = 0; at < stream.length; at += 8192) {
      meter.read(stream.subarray(at, at + 8192));
      most = Math.max(most, meter.bytes);
    }
    expect(most).toBeLessThan(33_000 + 2 * 8192 + 10 * 256);
    expect(meter.bytes).toBe(0);
  });

  it('does not grow by pings between messages', () => {
    const meter = new MessageMeter();
    for (let i = 0; i < 100_000; i++) meter.read(frame({ opcode: 9, payload: bytes(3) }));
    expect(meter.bytes).toBe(0);
  });

  it('counts more than its bytes for a message that comes in single ones', () => {
    const meter = new MessageMeter();
    const start = frame({ payload: bytes(1000) }).subarray(0, 500);
    for (const each of start) meter.read(Buffer.from([each]));
    expect(meter.bytes).toBeGreaterThan(100 * start.length);
  });

  it('is nothing in the end, whatever the frames and wherever they are cut', () => {
    const message = fc.array(fc.nat(300), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 5 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 40 })),
        (all, cuts) => {
          const meter = new MessageMeter();
          const frames = all.flatMap((sizes) =>
            sizes.map((size, at) =>
              frame({ fin: at === sizes.length - 1, opcode: at === 0 ? 2 : 0, payload: bytes(size) }),
            ),
          );
          let rest = Buffer.concat(frames);
          while (rest.length > 0) {
            const cut = cuts.next().value ?? 1;
            meter.read(rest.subarray(0, cut));
            rest = rest.subarray(cut);
          }
          expect(meter.bytes).toBe(0);
        },
      ),
    );
  });

  it('is counted fast enough for a megabyte of the smallest frames', () => {
    const flood = Buffer.concat(Array.from({ length: 170_000 }, () => frame({})));
    const held = leastMsWith(
      MOST_HELD_MS,
      () => new MessageMeter(),
      (meter) => meter.read(flood),
    );
    expect(held).toBeLessThan(MOST_HELD_MS);
  });
});
