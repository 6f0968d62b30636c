import type { AnswerRoom } from './answer-room';
import type { Holder } from './held-bytes';

/** So much of a stream's replies may wait for their reader before the next is asked for. */
const ENOUGH_BYTES = 64 * 1024;

/** The replies of one call that its caller has not read. */
export class Unread implements Holder {
  readonly waits = true;
  private bytes = 0;
  private released = false;
  private wake?: () => void;

  /** `giveUp` must end the call. */
  constructor(
    private readonly room: AnswerRoom,
    readonly giveUp: () => void,
  ) {}

  /** A reply is on its way. */
  add(bytes: number): void {
    this.count(bytes);
  }

  /** The connection has taken it, or has let go of it. */
  taken(bytes: number): void {
    this.count(-bytes);
    if (!this.full) this.wake?.();
  }

  /** The next reply can wait. */
  get full(): boolean {
    return this.bytes > ENOUGH_BYTES;
  }

  /** Resolves when its caller has read enough for another reply. */
  read(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
      if (!this.full) resolve();
    });
  }

  /** The call is over: what the connection still says of its replies does not count. */
  release(): void {
    this.count(-this.bytes);
    this.released = true;
  }

  private count(bytes: number): void {
    if (this.released) return;
    this.bytes = Math.max(0, this.bytes + bytes);
    this.room.set(this, this.bytes);
  }
}
