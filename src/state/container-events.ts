import type {
  ContainerEventResponse,
  ContainerEventType,
  ContainerStatus,
  PodSandboxStatus,
} from '../../generated/cri/v1/api';
import type { Logger } from '../base/logger';

/** A subscriber that does not read loses the oldest events beyond this many. */
const MAX_BACKLOG = 4096;

export interface EventSnapshot {
  podSandboxStatus?: PodSandboxStatus;
  containersStatuses: ContainerStatus[];
}

/** Fans container events out to every GetContainerEvents stream; each subscriber gets each event, in order. */
export class ContainerEvents {
  private readonly subscribers = new Set<Subscriber>();

  /** `snapshot` tells the pod's state at the moment of the event. */
  constructor(
    private readonly snapshot: (sandboxId: string) => EventSnapshot,
    private readonly log: Logger,
  ) {}

  /** Announces that something happened to a container, or to the sandbox itself when both ids are equal. */
  publish(containerId: string, sandboxId: string, type: ContainerEventType): void {
    if (this.subscribers.size === 0) return;
    const createdAt = BigInt(Date.now()) * 1_000_000n;
    const event: ContainerEventResponse = {
      containerId,
      containerEventType: type,
      createdAt,
      ...this.snapshot(sandboxId),
    };
    for (const subscriber of this.subscribers) subscriber.push(event, this.log);
  }

  /** Every event from now on (not from the first read on), until `signal` fires or the reader leaves. */
  subscribe(signal: AbortSignal): AsyncIterable<ContainerEventResponse> {
    const subscriber = new Subscriber(signal, () => this.subscribers.delete(subscriber));
    if (!signal.aborted) this.subscribers.add(subscriber);
    return subscriber.read();
  }
}

class Subscriber {
  private readonly backlog: ContainerEventResponse[] = [];
  private dropping = false;
  private wake: () => void = () => undefined;

  constructor(
    private readonly signal: AbortSignal,
    private readonly leave: () => void,
  ) {
    signal.addEventListener('abort', this.onAbort, { once: true });
  }

  push(event: ContainerEventResponse, log: Logger): void {
    if (this.backlog.length >= MAX_BACKLOG) {
      this.backlog.shift();
      if (!this.dropping) log.warn('a reader of container events is too slow; its oldest events are dropped');
      this.dropping = true;
    }
    this.backlog.push(event);
    this.wake();
  }

  async *read(): AsyncIterable<ContainerEventResponse> {
    try {
      while (!this.signal.aborted) {
        const event = await this.next();
        if (event) yield event;
      }
    } finally {
      this.signal.removeEventListener('abort', this.onAbort);
      this.leave();
    }
  }

  private readonly onAbort = (): void => {
    this.leave();
    this.wake();
  };

  private async next(): Promise<ContainerEventResponse | undefined> {
    if (this.backlog.length === 0 && !this.signal.aborted) {
      this.dropping = false;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.backlog.shift();
  }
}
