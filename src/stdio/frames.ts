import type { Socket } from 'node:net';

/**
 * What goes over the socket between the server and the process that has the stdio: a length of four bytes (of what
 * follows it), one byte that says what it is, and the content.
 */
export const Frame = { MESSAGE: 0, STDIN: 1, STDIN_END: 2, STDOUT: 3, STDERR: 4 } as const;
export type FrameType = (typeof Frame)[keyof typeof Frame];

const HEADER_BYTES = 5;
/** Longer ones are no frames of ours. */
const MAX_BYTES = 16 * 1024 * 1024;

/** A frame as it goes over the wire. */
export function frame(type: FrameType, content: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + content.length);
  bytes.writeUInt32BE(content.length + 1, 0);
  bytes.writeUInt8(type, 4);
  bytes.set(content, HEADER_BYTES);
  return bytes;
}

/** A frame with a message. */
export function messageFrame(message: unknown): Buffer {
  return frame(Frame.MESSAGE, Buffer.from(JSON.stringify(message)));
}

/** The message in a frame. Throws when it is none. */
export function parseMessage(content: Buffer): unknown {
  return JSON.parse(content.toString('utf8'));
}

/** Puts frames together again. `onFrame`'s content must not be kept: copy it. Errors are thrown by `push`. */
export class FrameReader {
  /** What has come of a frame, put together once all of it is here. */
  private readonly waiting: Buffer[] = [];
  private bytes = 0;
  /** How many bytes are needed to go on. */
  private needed = HEADER_BYTES;

  constructor(private readonly onFrame: (type: number, content: Buffer) => void) {}

  push(chunk: Buffer): void {
    this.bytes += chunk.length;
    this.waiting.push(chunk);
    if (this.bytes < this.needed) return;
    let data = this.waiting.length > 1 ? Buffer.concat(this.waiting) : chunk;
    this.needed = HEADER_BYTES;
    while (data.length >= HEADER_BYTES) {
      const length = data.readUInt32BE(0);
      if (length === 0 || length > MAX_BYTES) throw new Error(`a frame of ${length} bytes`);
      const end = 4 + length;
      if (data.length < end) {
        this.needed = end;
        break;
      }
      this.onFrame(data.readUInt8(4), data.subarray(HEADER_BYTES, end));
      data = data.subarray(end);
    }
    this.bytes = data.length;
    this.waiting.splice(0, this.waiting.length, ...(data.length > 0 ? [Buffer.from(data)] : []));
  }
}

/** Reads frames off a socket until it closes; a peer that sends anything else is cut off. */
export function readFrames(socket: Socket, onFrame: (type: number, content: Buffer) => void): void {
  const reader = new FrameReader(onFrame);
  socket.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (error) {
      socket.destroy(error instanceof Error ? error : undefined);
    }
  });
}
