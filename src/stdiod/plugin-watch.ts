import { errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import { sleep } from '../base/wait/backoff';
import { criPluginRuns } from '../containerd/cri-plugin';
import { BareConnection } from '../rpc/client/bare-call';

const RETRY_MS = 50;
/** How long nothing is copied while containerd is away: then containers matter more than a plugin that may come. */
const PAUSE_LIMIT_MS = 30_000;

export interface TakeoverWatchOptions {
  /** Path of containerd's socket. */
  readonly address: string;
  readonly log: Logger;
  /** Stops copying, or goes on with it. */
  pause(on: boolean): Promise<void>;
  /** containerd's own CRI has the containers now. */
  letGo(): void;
}

/**
 * While no crisp is there, watches for containerd's own CRI plugin, which reads the same FIFOs: two readers would each get
 * half of what a container prints. The plugin can only come with a new containerd, and is at work before that one
 * answers. So nothing is copied from the moment the old one goes until the new one has said which plugins it runs;
 * meanwhile output waits in its pipes.
 */
export class TakeoverWatch {
  private readonly stopping = new AbortController();

  constructor(private readonly options: TakeoverWatchOptions) {}

  start(): void {
    void this.watch(this.stopping.signal);
  }

  stop(): void {
    this.stopping.abort(new Error('a server is there'));
  }

  private async watch(signal: AbortSignal): Promise<void> {
    const { log, pause, letGo } = this.options;
    try {
      while (!signal.aborted) {
        const connection = await this.connect(signal);
        const gone = connection.closed;
        const onAbort = (): void => connection.close();
        if (signal.aborted) {
          onAbort();
          break;
        }
        signal.addEventListener('abort', onAbort, { once: true });
        const pluginRuns = await this.pluginRuns(connection);
        if (signal.aborted) break; // a server is there, which looks by itself
        if (pluginRuns) {
          connection.close();
          log.info("containerd's own CRI has the containers now, letting go of their stdio");
          letGo();
          return;
        }
        await pause(false);
        await gone;
        signal.removeEventListener('abort', onAbort);
        if (!signal.aborted) await pause(true);
      }
    } catch (error) {
      if (!signal.aborted) log.error('cannot watch containerd', { error: errorMessage(error) });
    }
    await pause(false).catch(() => undefined); // the engine may have ended
  }

  /** A connection to containerd, whenever it comes. Copying goes on meanwhile if that takes long. */
  private async connect(signal: AbortSignal): Promise<BareConnection> {
    const since = Date.now();
    for (let paused = true; ; ) {
      signal.throwIfAborted();
      try {
        return await BareConnection.open(this.options.address);
      } catch {
        // It will be back.
      }
      if (paused && Date.now() - since > PAUSE_LIMIT_MS) {
        paused = false;
        await this.options.pause(false);
      }
      await sleep(RETRY_MS, signal);
    }
  }

  /** A daemon that breaks off instead of answering is asked again when it is back. */
  private async pluginRuns(connection: BareConnection): Promise<boolean> {
    try {
      return await criPluginRuns(connection);
    } catch (error) {
      if (!this.stopping.signal.aborted)
        this.options.log.warn('containerd does not say which plugins it runs', { error: errorMessage(error) });
      connection.close();
      return false;
    }
  }
}
