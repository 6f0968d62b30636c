import { FLAG_FIN, FRAME_HEADER_BYTES, ID_MASK, LENGTH_MASK, VERSION } from './frame';
import { SpdyError } from './limits';

const NOTHING = Buffer.alloc(0);

export interface FrameEvents {
  /** A part of a stream's data. It lies in the chunk that was read: whoever keeps it keeps that. */
  onData(streamId: number, part: Buffer): void;
  /** A data frame said that it is its stream's last. */
  onFin(streamId: number): void;
  /** A whole control frame. `payload` may lie in the chunk that was read. */
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
  /** A control frame that comes in several pieces. */
  private payload: Buffer | undefined;
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
    if (this.left === 0) this.finish(this.frame, NOTHING);
  }

  private readPayload(chunk: Buffer): Buffer {
    const { frame } = this;
    const part = chunk.subarray(0, this.left);
    this.left -= part.length;
    if (!frame) return chunk;
    if (frame.type === undefined) this.events.onData(frame.streamId, part);
    else if (this.left > 0 || this.payload) this.collect(part);
    if (this.left === 0) this.finish(frame, part);
    return chunk.subarray(part.length);
  }

  /** In one block: pieces of one byte each would cost a hundred times their size. */
  private collect(part: Buffer): void {
    this.payload ??= Buffer.allocUnsafeSlow(part.length + this.left);
    part.copy(this.payload, this.payload.length - this.left - part.length);
  }

  /** `last`: the piece with which the frame's payload ends. */
  private finish(frame: Frame, last: Buffer): void {
    this.frame = undefined;
    if (frame.type === undefined) {
      if (frame.flags & FLAG_FIN) this.events.onFin(frame.streamId);
      return;
    }
    const payload = this.payload ?? last;
    this.payload = undefined;
    this.events.onControl(frame.type, frame.flags, payload);
  }
}
