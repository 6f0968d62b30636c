import { type Container, ContainersDefinition } from '../../generated/containerd/services/containers/v1/containers';
import type { Any } from '../model/any';
import type { Client } from '../rpc/client/client';
import type { CallOptions, Connection } from './connection';
import { isUnimplemented, malformed, orAbsent, wasThere } from './errors';
import { toNanos } from './time';

/** What containerd remembers of a container. Times are nanoseconds since 1970. */
export interface ContainerRecord {
  id: string;
  labels: Record<string, string>;
  image: string;
  runtime: { name: string; options?: Any };
  spec?: Any;
  snapshotter: string;
  snapshotKey: string;
  createdAt: bigint;
  updatedAt: bigint;
  extensions: Record<string, Any>;
  /** Empty on releases without sandboxes (1.6), and for a container that belongs to none. */
  sandboxId: string;
}

/** A record to be: containerd sets its times. */
export type NewContainerRecord = Omit<ContainerRecord, 'createdAt' | 'updatedAt'> &
  Partial<Pick<ContainerRecord, 'createdAt' | 'updatedAt'>>;

/** Container records: what a task is made from. Each holds its snapshot and image back from garbage collection. */
export class Containers {
  private readonly service: Client<typeof ContainersDefinition>;

  constructor(private readonly connection: Connection) {
    this.service = connection.service(ContainersDefinition);
  }

  /** The record of `id`; undefined when containerd says that there is none. An answer about nothing or another rejects. */
  async get(id: string, options?: CallOptions): Promise<ContainerRecord | undefined> {
    const answer = await orAbsent(this.service.get({ id }, this.connection.call(options)));
    if (!answer) return undefined;
    const { container } = answer;
    if (container?.id !== id) {
      throw malformed(ContainersDefinition, 'Get', `about ${container ? 'another container' : 'nothing'}`);
    }
    return toRecord(container);
  }

  /** All records that match one of `filters` (none: all), fetched one by one: together they may exceed a message. */
  async list(filters: string[] = [], options?: CallOptions): Promise<ContainerRecord[]> {
    try {
      const records: ContainerRecord[] = [];
      for await (const { container } of this.service.listStream({ filters }, this.connection.call(options))) {
        if (container) records.push(toRecord(container));
      }
      return records;
    } catch (error) {
      if (!isUnimplemented(error)) throw error;
      const { containers } = await this.service.list({ filters }, this.connection.call(options));
      return containers.map(toRecord);
    }
  }

  /** Makes a record; ALREADY_EXISTS when there is one of that id. */
  async create(record: NewContainerRecord, options?: CallOptions): Promise<ContainerRecord> {
    const { container } = await this.service.create(
      { container: toMessage(record) },
      this.connection.creating(options),
    );
    return container ? toRecord(container) : { createdAt: 0n, updatedAt: 0n, ...record };
  }

  /**
   * Changes the fields named by `fieldPaths` (`spec`, `labels.<key>`, `extensions.<key>`, …) and no others; a label set
   * to the empty text is removed.
   */
  async update(
    change: Partial<ContainerRecord> & { id: string },
    fieldPaths: string[],
    options?: CallOptions,
  ): Promise<void> {
    await this.service.update(
      { container: toMessage({ ...EMPTY, ...change }), updateMask: fieldPaths },
      this.connection.call(options),
    );
  }

  /** Removes the record; false when there was none. */
  delete(id: string, options?: CallOptions): Promise<boolean> {
    return wasThere(this.service.delete({ id }, this.connection.call(options)));
  }
}

const EMPTY: NewContainerRecord = {
  id: '',
  labels: {},
  image: '',
  runtime: { name: '' },
  snapshotter: '',
  snapshotKey: '',
  extensions: {},
  sandboxId: '',
};

function toRecord(container: Container): ContainerRecord {
  const { sandbox, createdAt, updatedAt, runtime, ...rest } = container;
  return {
    ...rest,
    runtime: { name: runtime?.name ?? '', options: runtime?.options },
    createdAt: toNanos(createdAt),
    updatedAt: toNanos(updatedAt),
    sandboxId: sandbox,
  };
}

function toMessage(record: NewContainerRecord): Container {
  const { sandboxId, createdAt: _c, updatedAt: _u, ...rest } = record;
  return { ...rest, sandbox: sandboxId };
}
