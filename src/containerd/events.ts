import { ImageCreate, ImageDelete, ImageUpdate } from '../../generated/containerd/events/image';
import { TaskDelete, TaskExit, TaskOOM, TaskStart } from '../../generated/containerd/events/task';
import { EventsDefinition } from '../../generated/containerd/services/events/v1/events';
import type { Timestamp } from '../../generated/google/protobuf/timestamp';
import type { Any } from '../model/any';
import type { Client } from '../rpc/client/client';
import type { CallOptions, Connection } from './connection';
import { toNanos } from './time';

/** One event as the daemon sends it. */
export interface Envelope {
  /** Nanoseconds since 1970. */
  timestamp: bigint;
  namespace: string;
  topic: string;
  event: Any;
}

/** What an event says. An `execId` that equals the container's id, or is empty, means its first process. */
export type ContainerdEvent =
  | { kind: 'task-start'; containerId: string; pid: number }
  | { kind: 'task-oom'; containerId: string }
  | ({ kind: 'task-exit' | 'task-delete' } & TaskEnd)
  | { kind: 'image-create' | 'image-update' | 'image-delete'; name: string };

interface TaskEnd {
  containerId: string;
  execId: string;
  pid: number;
  exitStatus: number;
  exitedAt: bigint;
}

/** What happens in the daemon, in all of its namespaces. There is no replay: look at everything after subscribing. */
export class Events {
  private readonly service: Client<typeof EventsDefinition>;

  constructor(private readonly connection: Connection) {
    this.service = connection.service(EventsDefinition);
  }

  /**
   * The events that match one of `filters` (`topic==…`; none: all), from the time of this call on, until `signal` fires
   * (whose reason is then thrown) or the connection breaks (UNAVAILABLE).
   */
  subscribe(filters: string[], options: Pick<CallOptions, 'signal'>): AsyncIterable<Envelope> {
    return envelopes(this.service.subscribe({ filters }, this.connection.stream(options)));
  }
}

type Reader = (value: Uint8Array) => ContainerdEvent;

const READERS: Readonly<Record<string, Reader>> = {
  'containerd.events.TaskStart': (value) => {
    const { containerId, pid } = TaskStart.decode(value);
    return { kind: 'task-start', containerId, pid };
  },
  'containerd.events.TaskOOM': (value) => ({ kind: 'task-oom', containerId: TaskOOM.decode(value).containerId }),
  'containerd.events.TaskExit': (value) => ({ kind: 'task-exit', ...taskEnd(TaskExit.decode(value)) }),
  'containerd.events.TaskDelete': (value) => ({ kind: 'task-delete', ...taskEnd(TaskDelete.decode(value)) }),
  'containerd.services.images.v1.ImageCreate': (value) => ({
    kind: 'image-create',
    name: ImageCreate.decode(value).name,
  }),
  'containerd.services.images.v1.ImageUpdate': (value) => ({
    kind: 'image-update',
    name: ImageUpdate.decode(value).name,
  }),
  'containerd.services.images.v1.ImageDelete': (value) => ({
    kind: 'image-delete',
    name: ImageDelete.decode(value).name,
  }),
};

/** What an event says; undefined for one of no interest here. Type URLs come bare or with a prefix that ends in a slash. */
export function decodeEvent(event: Any): ContainerdEvent | undefined {
  const type = event.typeUrl.slice(event.typeUrl.lastIndexOf('/') + 1);
  return READERS[type]?.(event.value);
}

function taskEnd({ containerId, id, pid, exitStatus, exitedAt }: TaskExit | TaskDelete): TaskEnd {
  return { containerId, execId: id, pid, exitStatus, exitedAt: toNanos(exitedAt) };
}

async function* envelopes(
  messages: AsyncIterable<{ timestamp?: Timestamp; namespace: string; topic: string; event?: Any }>,
): AsyncGenerator<Envelope> {
  for await (const { timestamp, namespace, topic, event } of messages) {
    yield { timestamp: toNanos(timestamp), namespace, topic, event: event ?? { typeUrl: '', value: Buffer.alloc(0) } };
  }
}
