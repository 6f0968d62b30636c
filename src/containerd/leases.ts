import { LeasesDefinition } from '../../generated/containerd/services/leases/v1/leases';
import { newId } from '../base/ids';
import type { Client } from '../rpc/client/client';
import type { CallOptions, Connection } from './connection';
import { wasThere } from './errors';
import { toNanos } from './time';

const SNAPSHOTS = 'snapshots/';

export interface Lease {
  id: string;
  labels: Record<string, string>;
  /** Nanoseconds since 1970. */
  createdAt: bigint;
}

/** What a lease holds: `content`, `ingests` or `snapshots/<snapshotter>`, and its digest, ref or key. */
export interface LeaseResource {
  id: string;
  type: string;
}

/** The snapshotter of what a lease holds; undefined when that is no snapshot. */
export function snapshotterOf({ type }: LeaseResource): string | undefined {
  return type.startsWith(SNAPSHOTS) ? type.slice(SNAPSHOTS.length) : undefined;
}

/** Leases hold what is made under them back from garbage collection. */
export class Leases {
  private readonly service: Client<typeof LeasesDefinition>;

  constructor(private readonly connection: Connection) {
    this.service = connection.service(LeasesDefinition);
  }

  /** Makes a lease, with a random id when none is given; ALREADY_EXISTS when there is one of that id. */
  async create(
    lease: { id?: string; labels?: Record<string, string> } = {},
    options?: CallOptions,
  ): Promise<{ id: string }> {
    const { id = newId(), labels = {} } = lease; // the daemon refuses an empty id
    await this.service.create({ id, labels }, this.connection.creating(options));
    return { id };
  }

  /** Lets go of what the lease holds; false when there was no such lease. `sync` waits until garbage has been collected. */
  delete(id: string, options: CallOptions & { sync?: boolean } = {}): Promise<boolean> {
    return wasThere(this.service.delete({ id, sync: options.sync ?? false }, this.connection.call(options)));
  }

  /** All leases that match one of `filters` (none: all). */
  async list(filters: string[] = [], options?: CallOptions): Promise<Lease[]> {
    const { leases } = await this.service.list({ filters }, this.connection.call(options));
    return leases.map(({ id, labels, createdAt }) => ({ id, labels, createdAt: toNanos(createdAt) }));
  }

  /** Has the lease hold something that exists already. */
  async addResource(id: string, resource: LeaseResource, options?: CallOptions): Promise<void> {
    await this.service.addResource({ id, resource }, this.connection.creating(options));
  }

  /** What a lease holds. */
  async listResources(id: string, options?: CallOptions): Promise<LeaseResource[]> {
    return (await this.service.listResources({ id }, this.connection.call(options))).resources;
  }
}
