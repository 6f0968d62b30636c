import { errorMessage } from '../base/errors';
import type { Logger } from '../base/logger';
import { Backoff, sleep } from '../base/wait/backoff';
import type { ContainerdClient } from '../containerd/client';
import { type ContainerdEvent, decodeEvent } from '../containerd/events';
import type { ImageIndex } from '../images/store/image-index';
import type { ContainerStore } from '../state/container-store';

const FILTERS = ['topic~="/images/"', 'topic=="/tasks/oom"'];

export interface EventMonitorDeps {
  readonly containerd: ContainerdClient;
  readonly namespace: string;
  readonly images: ImageIndex;
  readonly containers: ContainerStore;
  readonly log: Logger;
  /** After every (re)connection: what happened in between was not heard. */
  readonly resync: () => Promise<void>;
}

/**
 * Listens to the daemon for what others do: images that `ctr` or nerdctl make, and processes killed for memory. Events
 * come without replay, so every new stream begins with a look at everything.
 */
export class EventMonitor {
  private readonly controller = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly deps: EventMonitorDeps) {}

  start(): void {
    this.running = this.listen(this.controller.signal);
  }

  async stop(): Promise<void> {
    this.controller.abort(new Error('stopping'));
    await this.running;
  }

  private async listen(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff({ firstMs: 100, maxMs: 5000 });
    while (!signal.aborted) {
      try {
        await this.listenOnce(signal, () => backoff.reset());
      } catch (error) {
        if (!signal.aborted) this.deps.log.warn('the event stream broke off', { error: errorMessage(error) });
      }
      await sleep(backoff.next(), signal).catch(() => undefined);
    }
  }

  private async listenOnce(signal: AbortSignal, onEvent: () => void): Promise<void> {
    const attempt = new AbortController();
    const stream = this.deps.containerd.events.subscribe(FILTERS, {
      signal: AbortSignal.any([signal, attempt.signal]),
    });
    // Subscribed first, looked second: what happens in between is heard twice rather than never. A look that fails ends
    // the stream too, so that both are tried again.
    const resynced = this.deps.resync();
    resynced.catch((error: unknown) => attempt.abort(error));
    for await (const envelope of stream) {
      await resynced;
      onEvent();
      if (envelope.namespace === this.deps.namespace) await this.handle(decodeEvent(envelope.event));
    }
  }

  private async handle(event: ContainerdEvent | undefined): Promise<void> {
    try {
      if (event?.kind === 'task-oom') this.noteOom(event.containerId);
      if (event?.kind === 'image-create' || event?.kind === 'image-update' || event?.kind === 'image-delete') {
        await this.deps.images.refresh(event.name);
      }
    } catch (error) {
      this.deps.log.warn('an event could not be handled', { error: errorMessage(error) });
    }
  }

  /** Only a note: CRI reports OOMKilled when the container ends with it. */
  private noteOom(containerId: string): void {
    const container = this.deps.containers.get(containerId);
    if (container) container.oomKilled = true;
  }
}
