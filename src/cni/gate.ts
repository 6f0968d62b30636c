import { unlessAborted, withDeadline } from '../base/wait/deadline';

/** The exclusive side was stopped because something on the shared side had waited long enough. */
export class GaveWay extends Error {
  override readonly name = 'GaveWay';
  constructor() {
    super('stopped because a pod waited for its network');
  }
}

export interface SharedWait {
  /** The caller's: when it fires, waiting ends with its reason. */
  readonly signal: AbortSignal;
  /** Until when, by `performance.now()`, something exclusive may go on; after that it is told to stop. */
  readonly patientUntil: number;
}

export interface ExclusiveWait {
  /** Ends the wait, and is passed on to what runs. */
  readonly signal: AbortSignal;
  /** How long to wait for the shared side to be empty. */
  readonly waitMs: number;
}

/**
 * A reader/writer lock in which readers come first. The shared side never waits for something exclusive that has not begun,
 * and waits only for a limited time for something that has: then that is told to stop by its signal.
 */
export class Gate {
  private inside = 0;
  private alone?: { readonly ended: Promise<void>; readonly giveWay: () => void };
  private readonly waiting = new Set<() => void>();

  /** Runs `act` beside others of its kind and beside nothing exclusive. Rejects with the signal's reason while it waits. */
  async shared<T>(act: () => Promise<T>, { signal, patientUntil }: SharedWait): Promise<T> {
    while (this.alone) {
      const { ended, giveWay } = this.alone;
      const timer = setTimeout(giveWay, Math.max(0, patientUntil - performance.now()));
      try {
        await unlessAborted(ended, signal);
      } finally {
        clearTimeout(timer);
      }
    }
    this.inside++;
    try {
      return await act();
    } finally {
      this.inside--;
      if (this.inside === 0) this.wake();
    }
  }

  /**
   * Runs `act` beside nothing else and answers true; false when others were inside for all of `waitMs`, and then `act` did not
   * run. The signal that `act` gets fires with a GaveWay when the shared side has waited long enough; `act` must end at once
   * then, because the shared side waits for its end. Rejects with the signal's reason, or with what `act` rejects with.
   */
  async exclusive(act: (signal: AbortSignal) => Promise<void>, { signal, waitMs }: ExclusiveWait): Promise<boolean> {
    const deadline = withDeadline(signal, waitMs, 'waiting for the shared side to be empty');
    try {
      while (this.inside > 0 || this.alone) await unlessAborted(this.nextChange(), deadline.signal);
    } catch {
      signal.throwIfAborted();
      return false;
    } finally {
      deadline.cancel();
    }
    // Nothing is awaited between the last look at `inside` and `alone`: nobody comes in between.
    const stop = new AbortController();
    let ended: () => void = () => undefined;
    this.alone = {
      ended: new Promise((resolve) => {
        ended = resolve;
      }),
      giveWay: () => stop.abort(new GaveWay()),
    };
    try {
      await act(AbortSignal.any([signal, stop.signal]));
      return true;
    } finally {
      this.alone = undefined;
      ended();
      this.wake();
    }
  }

  private nextChange(): Promise<void> {
    return new Promise((resolve) => this.waiting.add(resolve));
  }

  private wake(): void {
    for (const tell of this.waiting) tell();
    this.waiting.clear();
  }
}

/** One gate for each network, by its name: plugins keep what they give out by that name, whichever file it came from. */
export class NetworkGates {
  private readonly gates = new Map<string, Gate>();

  /** The gate of a network; always the same one. */
  of(network: string): Gate {
    const gate = this.gates.get(network) ?? new Gate();
    this.gates.set(network, gate);
    return gate;
  }
}
