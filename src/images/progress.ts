import { setMaxListeners } from 'node:events';
import { unreachable } from './errors';

/** A request under way. */
export interface Transfer {
  /** So many bytes have arrived. */
  moved(bytes: number): void;
  end(): void;
}

/**
 * Watches that a pull moves. It is given up when a request has been under way for the whole limit and no byte arrived in
 * any; while none is under way (all wait for their turn, or containerd unpacks) the clock stands still.
 */
export class Progress implements Disposable {
  private readonly controller = new AbortController();
  private readonly stopListening: () => void;
  private active = 0;
  private lastMove = 0;
  private timer: NodeJS.Timeout | undefined;
  /** Bytes that have arrived. */
  bytes = 0;

  /** `limitMs` 0: no limit. The signal fires with the parent's reason too. */
  constructor(
    parent: AbortSignal,
    private readonly limitMs: number,
  ) {
    setMaxListeners(0, this.controller.signal); // each layer has several, and an image has a hundred layers
    const onParent = (): void => this.controller.abort(parent.reason);
    if (parent.aborted) onParent();
    else parent.addEventListener('abort', onParent, { once: true });
    this.stopListening = () => parent.removeEventListener('abort', onParent);
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
    if (this.active++ === 0) this.moved(0);
    this.arm();
    let ended = false;
    return {
      moved: (bytes) => this.moved(bytes),
      end: () => {
        if (!ended) this.active--;
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
  }

  private arm(): void {
    if (this.timer || this.limitMs <= 0) return;
    const left = Math.max(this.lastMove + this.limitMs - performance.now(), 1);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      if (this.active === 0) return;
      if (performance.now() - this.lastMove < this.limitMs) return this.arm();
      this.controller.abort(unreachable(`no byte has arrived from the registry for ${this.limitMs / 1000} s`));
    }, left);
    this.timer.unref();
  }
}
