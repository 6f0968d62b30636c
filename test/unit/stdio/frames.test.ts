import { Frame, FrameReader, frame } from '../../../src/stdio/frames';
import { leastMsWith, MOST_HELD_MS } from '../../support/least-ms';

const MIB = 1 << 20;
const LONGEST = 16 * MIB;

function reading() {
  const frames: { type: number; content: Buffer }[] = [];
  const reader = new FrameReader((type, content) => frames.push({ type, content: Buffer.from(content) }));
  return { frames, reader };
}

describe('Frames of the stdio process', () => {
  it.each([1, 2, 3, 5, 6, 7, 100])('come out as they went in, cut every %d bytes', (cut) => {
    const contents = [0, 1, 4, 200, 3].map((size) => Buffer.alloc(size, 'x'));
    const sent = Buffer.concat(contents.map((content) => frame(Frame.STDOUT, content)));
    const { frames, reader } = reading();
    for (let at = 0; at < sent.length; at += cut) reader.push(sent.subarray(at, at + cut));
    expect(frames).toEqual(contents.map((content) => ({ type: Frame.STDOUT, content })));
  });

  it('may be so long, and not a byte longer', () => {
    const { frames, reader } = reading();
    reader.push(frame(Frame.STDIN, Buffer.alloc(LONGEST - 1)));
    expect(frames.map(({ content }) => content.length)).toEqual([LONGEST - 1]);
    expect(() => reader.push(frame(Frame.STDIN, Buffer.alloc(LONGEST)).subarray(0, 5))).toThrow('a frame of');
  });

  it('that are as long as they may be are put together without holding anything up', () => {
    const sent = frame(Frame.STDOUT, Buffer.alloc(LONGEST - 1));
    const chunks = Array.from({ length: Math.ceil(sent.length / 65_536) }, (_, at) =>
      sent.subarray(at * 65_536, (at + 1) * 65_536),
    );
    const held = leastMsWith(
      MOST_HELD_MS,
      () => new FrameReader(() => undefined),
      (reader) => {
        for (const chunk of chunks) reader.push(chunk);
      },
    );
    expect(held).toBeLessThan(MOST_HELD_MS);
  });
});
