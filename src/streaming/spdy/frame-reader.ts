import { FLAG_FIN, FRAME_HEADER_BYTES, ID_MASK, LENGTH_MASK, VERSION } from './frame';
import { SpdyError } from './limits';

export interface FrameEvents {
  /** A part of a stream's data. It lies in the chunk that was read: whoever keeps it keeps that. */
  onData(streamId: number, part: Buffer): void;
  /** A data frame said that it is its stream's last. */
  onFin(streamId: number): void;
  onControl(type: number, flags: number, payload: Buffer): void;
}

interface Frame {
  /** Undefined for data. */
  readonly type?: number;
  readonly streamId: number;
  readonly flags: number;
}

/** Cuts a connection's bytes into frames. Data is passed on in the pieces in which it arrives. */
export class FrameReader {
  private readonly header = Buffer.alloc(FRAME_HEADER_BYTES);
  private headerFilled = 0;
  private frame: Frame | undefined;
  private left = 0;
  private parts: Buffer[] = [];
  private held: Buffer[] = [];
  private holding = false;

  constructor(
    private readonly events: FrameEvents,
    private readonly controlBytes: number,
  ) {}

  /** Reads on. Throws SpdyError; the connection cannot be read any further then. */
  read(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0 && !this.holding) rest = this.frame ? this.readPayload(rest) : this.readHeader(rest);
    if (rest.length > 0) this.held.push(rest);
  }

  /** From now on keeps what comes in: the frame just told of is not dealt with yet. */
  hold(): void {
    this.holding = true;
  }

  /** Goes on with what was kept. Throws as `read` does. */
  release(): void {
    this.holding = false;
    while (!this.holding) {
      const chunks = this.held;
      const [first, ...others] = chunks;
      if (!first) return;
      this.held = [];
      this.read(first);
      this.held.push(...others);
    }
  }

  private readHeader(chunk: Buffer): Buffer {
    const taken = chunk.copy(this.header, this.headerFilled);
    this.headerFilled += taken;
    if (this.headerFilled === FRAME_HEADER_BYTES) this.begin();
    return chunk.subarray(taken);
  }

  private begin(): void {
    this.headerFilled = 0;
    const first = this.header.readUInt32BE(0);
    const second = this.header.readUInt32BE(4);
    const isControl = first > ID_MASK;
    this.left = second & LENGTH_MASK;
    this.frame = { type: isControl ? first & 0xffff : undefined, streamId: first & ID_MASK, flags: second >>> 24 };
    if (isControl) {
      if (((first >>> 16) & 0x7fff) !== VERSION) throw new SpdyError('a frame is of another version than 3');
      if (this.left > this.controlBytes) throw new SpdyError(`a control frame of ${this.left} bytes`);
    }
    if (this.left === 0) this.finish(this.frame);
  }

  private readPayload(chunk: Buffer): Buffer {
    const { frame } = this;
    const part = chunk.subarray(0, this.left);
    this.left -= part.length;
    if (!frame) return chunk;
    if (frame.type === undefined) this.events.onData(frame.streamId, part);
    else this.parts.push(part);
    if (this.left === 0) this.finish(frame);
    return chunk.subarray(part.length);
  }

  private finish(frame: Frame): void {
    this.frame = undefined;
    if (frame.type === undefined) {
      if (frame.flags & FLAG_FIN) this.events.onFin(frame.streamId);
      return;
    }
    const payload = Buffer.concat(this.parts);
    this.parts = [];
    this.events.onControl(frame.type, frame.flags, payload);
  }
}
