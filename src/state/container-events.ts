import {
  ContainerEventResponse,
  ContainerEventType,
  type ContainerStatus,
  type PodSandboxStatus,
} from '../../generated/cri/v1/api';
import type { Logger } from '../base/logger';
import { once } from '../base/work/once';

/** A subscriber may be behind by this many events, which is a burst of a full node's pods several times over. */
const MAX_EVENTS = 4096;
/**
 * The events a subscriber is behind may have this many bytes together, as they are sent. An event carries the status of
 * its pod and of all the pod's containers, with labels and annotations of up to 256 KiB each: a count alone would let a
 * stalled reader hold gigabytes. In memory an event takes a few times the bytes it has on the wire.
 */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * A subscriber did not read for so long that events had to be dropped. Its stream ends: kubelet's evented PLEG lists all
 * pods anew when the stream fails and subscribes again (`watchEventsChannel` in pkg/kubelet/pleg/evented.go), while it would
 * notice an event missing from a stream that goes on only five minutes later, at the next relist.
 */
export class EventsDropped extends Error {
  override readonly name = 'EventsDropped';
  constructor(behind: { readonly events: number; readonly bytes: number }) {
    super(`the reader of container events is ${behind.events} events (${behind.bytes} bytes) behind: list again`);
  }
}

export interface EventSnapshot {
  podSandboxStatus?: PodSandboxStatus;
  containersStatuses: ContainerStatus[];
}

/** Fans container events out to every GetContainerEvents stream; each subscriber gets each event, in order. */
export class ContainerEvents {
  private readonly subscribers = new Set<Subscriber>();
  /** When the last event of each container and sandbox was, until its deletion. */
  private readonly lastAt = new Map<string, bigint>();

  /** `snapshot` tells the pod's state at the moment of the event. */
  constructor(
    private readonly snapshot: (sandboxId: string) => EventSnapshot,
    private readonly log: Logger,
  ) {}

  /**
   * Announces that something happened to a container, or to the sandbox itself when both ids are equal. No event is older
   * than the one before about the same id, nor than what it tells of it, also when the clock was set back in between.
   */
  publish(containerId: string, sandboxId: string, type: ContainerEventType): void {
    if (this.subscribers.size === 0) return void this.lastAt.delete(containerId);
    const snapshot = this.snapshot(sandboxId);
    const now = BigInt(Date.now()) * 1_000_000n;
    const createdAt = latest([now, this.lastAt.get(containerId) ?? 0n, ...timesOf(containerId, snapshot)]);
    if (type === ContainerEventType.CONTAINER_DELETED_EVENT) this.lastAt.delete(containerId);
    else this.lastAt.set(containerId, createdAt);
    const event: ContainerEventResponse = {
      containerId,
      containerEventType: type,
      createdAt,
      ...snapshot,
    };
    const size = once(() => ContainerEventResponse.encode(event).finish().length);
    for (const subscriber of [...this.subscribers]) {
      const dropped = subscriber.push(event, size);
      if (dropped) this.log.warn('a container event stream ends: its reader is too slow', { why: dropped.message });
    }
  }

  /**
   * Every event from now on (not from the first read on), until `signal` fires or the reader leaves. Throws EventsDropped
   * when the reader was too far behind.
   */
  subscribe(signal: AbortSignal): AsyncIterable<ContainerEventResponse> {
    const subscriber = new Subscriber(signal, () => this.subscribers.delete(subscriber));
    if (!signal.aborted) this.subscribers.add(subscriber);
    return subscriber.read();
  }
}

/** What the snapshot tells of the pod or container itself. */
function timesOf(id: string, { podSandboxStatus, containersStatuses }: EventSnapshot): bigint[] {
  const container = containersStatuses.find((status) => status.id === id);
  if (container) return [container.createdAt, container.startedAt, container.finishedAt];
  return podSandboxStatus?.id === id ? [podSandboxStatus.createdAt] : [];
}

function latest(times: readonly bigint[]): bigint {
  let found = 0n;
  for (const time of times) if (time > found) found = time;
  return found;
}

interface Queued {
  readonly event: ContainerEventResponse;
  /** 0 for the one event that a waiting reader takes at once: events are not encoded twice while the reader keeps up. */
  readonly bytes: number;
}

class Subscriber {
  private backlog: Queued[] = [];
  private bytes = 0;
  private dropped: EventsDropped | undefined;
  private wake: (() => void) | undefined;

  constructor(
    private readonly signal: AbortSignal,
    private readonly leave: () => void,
  ) {
    signal.addEventListener('abort', this.onAbort, { once: true });
  }

  /**
   * Queues an event; `size` tells its bytes as they are sent. When the reader is too far behind, nothing is kept for it any
   * more, it is no subscriber any more, and the reason is answered.
   */
  push(event: ContainerEventResponse, size: () => number): EventsDropped | undefined {
    const bytes = this.wake && this.backlog.length === 0 ? 0 : size();
    this.backlog.push({ event, bytes });
    this.bytes += bytes;
    if (this.backlog.length > MAX_EVENTS || this.bytes > MAX_BYTES) {
      this.dropped = new EventsDropped({ events: this.backlog.length, bytes: this.bytes });
      this.backlog = [];
      this.leave();
    }
    this.wake?.();
    return this.dropped;
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
    this.wake?.();
  };

  private async next(): Promise<ContainerEventResponse | undefined> {
    if (this.backlog.length === 0 && !this.dropped && !this.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = undefined;
    }
    if (this.dropped) throw this.dropped;
    const first = this.backlog.shift();
    this.bytes -= first?.bytes ?? 0;
    return first?.event;
  }
}
