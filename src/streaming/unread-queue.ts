import type { Readable } from 'node:stream';
import { keptBytes } from './kept-bytes';

/** Size of the blocks in which small parts wait: a part by itself costs some hundred bytes beside its own. */
const BLOCK_BYTES = 4 * 1024;
/** A part that is shorter is copied into a block. */
const SMALL_BYTES = BLOCK_BYTES / 4;

/**
 * Hands parts to a stream. Small ones that have to wait for the stream's reader lie together in one block, so that what
 * waits takes little more memory than its bytes, however small the pieces are in which a peer sends it.
 */
export class UnreadQueue {
  private block: Buffer | undefined;
  private used = 0;
  private counted = 0;

  /** `onChange` is told by how many bytes more, or less, wait for the reader. */
  constructor(
    private readonly stream: Readable,
    private readonly onChange: (by: number) => void,
  ) {
    const read = stream.read.bind(stream);
    stream.read = (size) => {
      const chunk: unknown = read(size);
      // Whoever asks for more than there is waits for it.
      if (stream.readableLength === 0 || (chunk === null && size !== 0)) this.flush();
      this.count();
      return chunk;
    };
    stream.on('close', () => this.count());
  }

  /** Hands over a part, which may lie in memory that is used again; false when the stream has as much as it may. */
  push(part: Buffer): boolean {
    const { stream } = this;
    let room = true;
    if (part.length < SMALL_BYTES && (stream.readableLength > 0 || this.used > 0)) {
      if (this.used + part.length > BLOCK_BYTES) room = this.flush();
      this.block ??= Buffer.allocUnsafeSlow(BLOCK_BYTES);
      this.used += part.copy(this.block, this.used);
    } else {
      this.flush();
      room = stream.push(keptBytes(part));
    }
    this.count();
    return room;
  }

  /** Nothing more comes. */
  end(): void {
    this.flush();
    this.stream.push(null);
    this.count();
  }

  /** Looks again at what waits in a stream that others push to. */
  count(): void {
    const now = this.stream.destroyed ? 0 : this.stream.readableLength + this.used;
    const by = now - this.counted;
    if (by === 0) return;
    this.counted = now;
    this.onChange(by);
  }

  private flush(): boolean {
    if (!this.block || this.used === 0) return true;
    const part = this.block.subarray(0, this.used);
    this.block = undefined;
    this.used = 0;
    return this.stream.push(part);
  }
}
