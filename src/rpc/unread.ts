import type { HeldBytes, Holder } from './held-bytes';

/** So much of a stream's replies may wait for their reader before the next is asked for. */
const ENOUGH_BYTES = 64 * 1024;

/** The replies of one call that its caller has not read. */
export class Unread implements Holder {
  readonly waits = true;
  private bytes = 0;
  private wake?: () => void;

  /** `giveUp` must end the call. */
  constructor(
    private readonly held: HeldBytes,
    readonly giveUp: () => void,
  ) {}

  /** A reply is on its way. */
  add(bytes: number): void {
    this.count(bytes);
  }

  /** The connection has taken it. */
  taken(bytes: number): void {
    this.count(-bytes);
    if (!this.full) this.wake?.();
  }

  /** The next reply can wait. */
  get full(): boolean {
    return this.bytes > ENOUGH_BYTES;
  }

  /** Resolves when there is room for another reply. */
  room(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
      if (!this.full) resolve();
    });
  }

  /** The call is over. */
  release(): void {
    this.count(-this.bytes);
  }

  private count(bytes: number): void {
    this.bytes += bytes;
    this.held.set(this, this.bytes);
  }
}
