import { onAbort } from '../../base/wait/on-abort';
import { unreachable } from '../errors';

/** A request under way. */
export interface Transfer {
  /** So many bytes have arrived. */
  moved(bytes: number): void;
  /** All that was asked for has arrived. */
  done(): void;
  end(): void;
}

/** A pull that gets less than this for the whole of the time below gets nowhere; no link that works is so slow. */
export const TRICKLE_BYTES_PER_S = 1024;
export const TRICKLE_MS = 10 * 60_000;
/**
 * An answer that got all it had asked for counts as so many bytes at least: an image of five hundred small layers goes on at one
 * every four seconds, and not at one every few minutes.
 */
export const ANSWER_BYTES = 4096;

/**
 * Watches that a pull moves. It is given up when a request has been under way for the whole limit and no byte arrived in
 * any; while none is under way (all wait for their turn, or containerd unpacks) the clock stands still. It is also given up
 * when requests have been under way for ten minutes and hardly anything arrived, small answers counted as ANSWER_BYTES:
 * a server that sends a byte now and then, or a byte for each request, must not hold a pull up for ever.
 */
export class Progress implements Disposable {
  private readonly controller = new AbortController();
  private readonly stopListening: () => void;
  private active = 0;
  private lastMove = 0;
  /** Since when requests have been under way without a break. */
  private activeSince = 0;
  /** For how long they had been before that, and what arrived, since enough had arrived. */
  private activeMs = 0;
  private trickled = 0;
  private timer: NodeJS.Timeout | undefined;
  /** Bytes that have arrived. */
  bytes = 0;

  /** `limitMs` 0: no limit. The signal fires with the parent's reason too. */
  constructor(
    parent: AbortSignal,
    private readonly limitMs: number,
  ) {
    this.stopListening = onAbort(parent, () => this.controller.abort(parent.reason));
  }

  /** Fires when the pull is to stop: the caller has gone, nothing moves, or one of its parts failed. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Stops all that is under way. */
  abort(reason: unknown): void {
    this.controller.abort(reason);
  }

  /** A request begins. */
  begin(): Transfer {
    if (this.active++ === 0) {
      this.moved(0);
      this.activeSince = this.lastMove;
    }
    this.arm();
    let ended = false;
    let own = 0;
    return {
      moved: (bytes) => {
        own += bytes;
        this.moved(bytes);
      },
      done: () => {
        if (own < ANSWER_BYTES) this.count(ANSWER_BYTES - own);
        own = ANSWER_BYTES;
      },
      end: () => {
        if (!ended && --this.active === 0) this.activeMs += performance.now() - this.activeSince;
        ended = true;
      },
    };
  }

  [Symbol.dispose](): void {
    clearTimeout(this.timer);
    this.stopListening();
  }

  private moved(bytes: number): void {
    this.bytes += bytes;
    this.lastMove = performance.now();
    this.count(bytes);
  }

  private count(bytes: number): void {
    this.trickled += bytes;
    if (this.trickled >= (TRICKLE_MS / 1000) * TRICKLE_BYTES_PER_S) this.beginWindow();
  }

  private beginWindow(): void {
    this.trickled = 0;
    this.activeMs = 0;
    this.activeSince = performance.now();
  }

  /** Milliseconds until the pull is given up if nothing more arrives. */
  private get left(): number {
    const now = performance.now();
    return Math.min(this.lastMove + this.limitMs - now, this.activeSince + TRICKLE_MS - this.activeMs - now);
  }

  private arm(): void {
    if (this.timer || this.limitMs <= 0) return;
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        if (this.active === 0) return;
        if (this.left > 0) return this.arm();
        const stalled = performance.now() - this.lastMove >= this.limitMs;
        const nothing = `no byte has arrived from the registry for ${this.limitMs / 1000} s`;
        const little = `less than ${TRICKLE_BYTES_PER_S} bytes a second have arrived from the registry for ${TRICKLE_MS / 1000} s`;
        this.controller.abort(unreachable(stalled ? nothing : little));
      },
      Math.max(this.left, 1),
    );
    this.timer.unref();
  }
}
