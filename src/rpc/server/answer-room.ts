import { unlessAborted } from '../../base/wait/deadline';
import { Code } from '../code';
import { RpcError } from '../rpc-error';
import { HeldBytes, type Holder } from './held-bytes';

/** A client of a unix socket that means to read takes milliseconds: one that has taken nothing for so long does not read. */
const STILL_MS = 5000;
/** How often a room that is too full is looked at, as a part of the time after which a reader counts as still. */
const LOOKS = 5;
/** How long a further answer is held back, in times after which a reader counts as still. */
const HELD_BACK = 3;

interface Waiting {
  readonly since: number;
  readonly enter: () => void;
  readonly fail: (reason: RpcError) => void;
}

/**
 * The memory of all answers that nobody has read yet. When it is full, a further answer is held back, and calls whose
 * callers have read nothing for some seconds are given up: nobody is cut off because many ask at once.
 */
export class AnswerRoom {
  private readonly held: HeldBytes;
  private readonly waiting = new Set<Waiting>();
  private timer?: NodeJS.Timeout;

  /** `stillMs`: STILL_MS; for tests. */
  constructor(
    limit: number,
    private readonly stillMs: number = STILL_MS,
  ) {
    this.held = new HeldBytes(limit, { stillMs });
  }

  /** Afterwards the holder has `bytes` in all; 0 releases it. */
  set(holder: Holder, bytes: number): void {
    this.held.set(holder, bytes);
    this.letIn();
    this.watch();
  }

  /**
   * A promise to be waited for before an answer is made; undefined when there is room. It rejects with the signal's
   * reason, and with RESOURCE_EXHAUSTED when there has been no room for long.
   */
  wait(signal: AbortSignal): Promise<void> | undefined {
    if (!this.held.over && this.waiting.size === 0) return undefined;
    let mine: Waiting | undefined;
    const turn = new Promise<void>((enter, fail) => {
      mine = { since: performance.now(), enter, fail };
      this.waiting.add(mine);
    });
    this.watch();
    return unlessAborted(turn, signal).finally(() => {
      if (mine) this.waiting.delete(mine);
    });
  }

  /** One at a time: what it adds lets the next in, or does not. */
  private letIn(): void {
    const [next] = this.waiting;
    if (!next || this.held.over) return;
    this.waiting.delete(next);
    next.enter();
  }

  /** Looks now and then for as long as there is too much, or somebody who waits. */
  private watch(): void {
    const needed = this.held.over || this.waiting.size > 0;
    if (needed) this.timer ??= setInterval(() => this.look(), this.stillMs / LOOKS).unref();
    else this.rest();
  }

  private look(): void {
    this.held.shrink();
    const until = performance.now() - this.stillMs * HELD_BACK;
    for (const each of this.waiting) {
      if (each.since > until) break; // those that follow wait for less long
      this.waiting.delete(each);
      each.fail(new RpcError(Code.RESOURCE_EXHAUSTED, 'answers that are not read hold too much memory'));
    }
    this.letIn();
    this.watch();
  }

  private rest(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
