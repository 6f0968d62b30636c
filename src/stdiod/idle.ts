/**
 * Without a server and without anything open, the process ends after this time. Long enough for a server to start on a
 * machine that is twenty times as slow as others: one that ends too soon is only started again.
 */
const IDLE_MS = 120_000;

/** Ends the process when neither a server nor a container needs it. */
export class StdioIdle {
  private timer: NodeJS.Timeout | undefined;

  /** `isEmpty`: whether nothing is open. */
  constructor(
    private readonly isEmpty: () => boolean,
    private readonly finish: () => void,
  ) {}

  /** Whether a server is there. */
  controlled(is: boolean): void {
    if (is) this.stop();
    else this.wait();
  }

  /** The server went away on purpose: there is no crash to bridge. */
  left(): void {
    if (this.isEmpty()) this.finish();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private wait(): void {
    this.stop();
    this.timer = setTimeout(() => {
      if (this.isEmpty()) this.finish();
      else this.wait();
    }, IDLE_MS);
  }
}
