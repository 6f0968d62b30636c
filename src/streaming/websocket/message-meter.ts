/** A frame's first two bytes, a length of eight and a mask of four. */
const LONGEST_HEADER = 14;
const FIRST_CONTROL = 8;
/** What a piece costs beside its bytes: the object that stands for it. */
const PIECE_COST = 256;

/**
 * Follows what a client sends over a WebSocket to tell how much of it is kept: everything since the beginning of a message
 * or frame that has not ended. Whoever reads the messages keeps the memory of each piece in which a part of one came.
 */
export class MessageMeter {
  private readonly header = Buffer.alloc(LONGEST_HEADER);
  private filled = 0;
  /** Bytes of the frame's payload that have not come. */
  private left = 0;
  /** A message whose last frame has not come. */
  private open = false;
  private kept = 0;

  /** Bytes that are kept, the cost of pieces included. */
  get bytes(): number {
    return this.kept;
  }

  /** Reads on. */
  read(piece: Buffer): void {
    for (let at = 0; at < piece.length; ) {
      if (this.left > 0) {
        const taken = Math.min(this.left, piece.length - at);
        this.left -= taken;
        at += taken;
      } else {
        this.header[this.filled++] = piece[at++] ?? 0;
        if (this.filled < this.headerBytes()) continue;
        this.begin();
      }
      if (this.left === 0 && !this.open) this.kept = 0; // nothing of what came before is needed any more
    }
    const unfinished = this.open || this.left > 0 || this.filled > 0;
    this.kept = unfinished ? this.kept + piece.length + PIECE_COST : 0;
  }

  /** As far as the header is here: it is at least two bytes long. */
  private headerBytes(): number {
    const second = this.header[1] ?? 0;
    if (this.filled < 2) return 2;
    const length = second & 0x7f;
    return 2 + (length === 127 ? 8 : length === 126 ? 2 : 0) + (second & 0x80 ? 4 : 0);
  }

  private begin(): void {
    const [first = 0, second = 0] = this.header;
    const length = second & 0x7f;
    if (length < 126) this.left = length;
    else this.left = length === 126 ? this.header.readUInt16BE(2) : Number(this.header.readBigUInt64BE(2));
    if ((first & 0x0f) < FIRST_CONTROL) this.open = (first & 0x80) === 0;
    this.filled = 0;
  }
}
