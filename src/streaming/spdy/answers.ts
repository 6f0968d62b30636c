import type { Duplex } from 'node:stream';

/** So many answers wait by themselves before they are put together: each costs some hundred bytes beside its own. */
const PUT_TOGETHER = 64;

/** Short frames that a peer brings about: replies, resets, pongs. What it leaves lying takes no more memory than its bytes. */
export class Answers {
  private waiting: Buffer[] = [];
  private underWay = 0;
  private unread = 0;

  /** `most`: bytes that the peer may leave lying. */
  constructor(
    private readonly socket: Duplex,
    private readonly most: number,
  ) {}

  /** Sends an answer, behind those that wait; false when the peer has left too many lying. */
  send(frame: Buffer): boolean {
    if (this.unread > this.most) return false;
    this.unread += frame.length;
    if (this.underWay === 0) {
      this.write(frame);
      return true;
    }
    this.waiting.push(frame);
    if (this.waiting.length >= PUT_TOGETHER) this.waiting = [Buffer.concat(this.waiting)];
    return true;
  }

  /** Hands what waits to the socket: what is written there next comes behind it. */
  flush(): void {
    if (this.waiting.length === 0 || this.socket.destroyed || this.socket.writableEnded) return;
    const all = Buffer.concat(this.waiting);
    this.waiting = [];
    this.write(all);
  }

  private write(bytes: Buffer): void {
    this.underWay++;
    this.socket.write(bytes, () => {
      this.underWay--;
      this.unread -= bytes.length;
      if (this.underWay === 0) this.flush();
    });
  }
}
