import { Duplex } from 'node:stream';
import type { TurnShare } from './turn-share';

/**
 * Longest piece that is handed on at a time, in bytes: frames of six bytes cost about a microsecond each, so that a piece
 * takes a millisecond or two. Below 16 KiB, at which a reader of `ws` has Node wait for the next tick.
 */
export const PIECE_BYTES = 8 * 1024;
const WRITE_BYTES = 64 * 1024;

type Done = (error?: Error | null) => void;

/**
 * The client's connection, read in pieces within the time that clients have of each turn of the event loop. `head` comes
 * first: what was read of the connection before. Ends, errors and closes go through in both directions.
 */
export function pacedSocket(socket: Duplex, head: Buffer, turns: TurnShare): Duplex {
  const paced: Duplex = new Duplex({
    allowHalfOpen: true,
    readableHighWaterMark: 1, // one piece waits at most
    writableHighWaterMark: WRITE_BYTES,
    read: () => reader.resume(),
    write: (chunk: Buffer, _encoding, done) => void socket.write(chunk, done),
    writev: (chunks, done) => writeAll(socket, chunks, done),
    final: (done) => void socket.end(() => done()),
    destroy: (error, done) => {
      reader.stop();
      socket.destroy();
      done(error);
    },
  });
  const reader = new PieceReader(socket, paced, turns);
  paced.on('error', () => undefined); // whoever uses it is told; without a listener an error would end this process
  reader.start(head);
  return paced;
}

function writeAll(socket: Duplex, chunks: readonly { chunk: Buffer }[], done: Done): void {
  socket.cork();
  for (const [at, { chunk }] of chunks.entries()) {
    if (at === chunks.length - 1) socket.write(chunk, done);
    else socket.write(chunk);
  }
  socket.uncork();
}

/** Reads from one stream and pushes to another, a piece at a time. */
class PieceReader {
  private rest: Buffer = Buffer.alloc(0);
  /** Chunks behind `rest`: a socket that is paused may tell of one more. */
  private readonly chunks: Buffer[] = [];
  private wanted = true;
  private inLine = false;
  private ended = false;
  private over = false;

  constructor(
    private readonly from: Duplex,
    private readonly to: Duplex,
    private readonly turns: TurnShare,
  ) {}

  start(head: Buffer): void {
    const { from, to } = this;
    if (head.length > 0) this.chunks.push(head);
    from.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.go();
    });
    from.on('end', () => {
      this.ended = true;
      this.go();
    });
    from.on('error', (error) => to.destroy(error));
    from.on('close', () => {
      if (!this.ended || !this.fill()) to.destroy(); // else what came before the end is still read
    });
    if (from.destroyed) to.destroy();
    else setImmediate(() => this.go()); // whoever reads has its listeners by then, also one that awaits something before
  }

  /** The other side wants more. What is pushed while it asks would not count as this turn's work. */
  resume(): void {
    if (this.wanted) return;
    this.wanted = true;
    process.nextTick(() => this.go());
  }

  stop(): void {
    this.over = true;
    this.chunks.length = 0;
    this.rest = Buffer.alloc(0);
  }

  private go(): void {
    if (this.inLine) return;
    while (!this.over && this.wanted && this.fill()) {
      if (this.turns.isUsedUp) {
        this.standInLine();
        break;
      }
      this.turns.run(() => this.pushPiece());
    }
    this.setFlow();
  }

  private standInLine(): void {
    this.inLine = true;
    this.turns.later(() => {
      this.inLine = false;
      if (!this.over && this.wanted && this.fill()) this.pushPiece();
      if (!this.over && this.wanted && this.fill()) this.standInLine();
      else this.go();
    });
  }

  /** Whether there is anything to push. */
  private fill(): boolean {
    if (this.rest.length === 0) this.rest = this.chunks.shift() ?? this.rest;
    return this.rest.length > 0;
  }

  private pushPiece(): void {
    const piece = this.rest.subarray(0, PIECE_BYTES);
    this.rest = this.rest.subarray(piece.length);
    if (!this.to.push(piece)) this.wanted = false;
  }

  private setFlow(): void {
    if (this.over) return;
    if (this.rest.length > 0 || this.chunks.length > 0) {
      this.from.pause();
      return;
    }
    if (!this.ended) this.from.resume();
    else {
      this.over = true;
      this.to.push(null);
    }
  }
}
