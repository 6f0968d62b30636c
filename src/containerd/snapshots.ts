import { type Info, Kind, SnapshotsDefinition } from '../../generated/containerd/services/snapshots/v1/snapshots';
import type { Mount } from '../model/mount';
import type { Client } from '../rpc/client/client';
import type { CallOptions, Connection, CreateOptions } from './connection';
import { malformed, orAbsent, wasThere } from './errors';
import { labelChange } from './label-change';
import { toNanos } from './time';

/** A snapshot. Times are nanoseconds since 1970. */
export interface SnapshotInfo {
  name: string;
  parent: string;
  kind: 'ACTIVE' | 'VIEW' | 'COMMITTED' | 'UNKNOWN';
  createdAt: bigint;
  updatedAt: bigint;
  labels: Record<string, string>;
}

export interface SnapshotKey {
  snapshotter: string;
  key: string;
}

interface NewSnapshot extends SnapshotKey {
  /** Empty: nothing below it. */
  parent: string;
  labels?: Record<string, string>;
}

/** Layers and root filesystems. */
export class Snapshots {
  private readonly service: Client<typeof SnapshotsDefinition>;

  constructor(private readonly connection: Connection) {
    this.service = connection.service(SnapshotsDefinition);
  }

  /** Makes a writable snapshot on `parent`. Without a lease it may be collected before anything refers to it. */
  async prepare({ labels = {}, ...snapshot }: NewSnapshot, options?: CreateOptions): Promise<Mount[]> {
    return (await this.service.prepare({ ...snapshot, labels }, this.connection.creating(options))).mounts;
  }

  /** As prepare, read-only. */
  async view({ labels = {}, ...snapshot }: NewSnapshot, options?: CallOptions): Promise<Mount[]> {
    return (await this.service.view({ ...snapshot, labels }, this.connection.creating(options))).mounts;
  }

  /** How to mount an active snapshot or a view. */
  async mounts(snapshot: SnapshotKey, options?: CallOptions): Promise<Mount[]> {
    return (await this.service.mounts(snapshot, this.connection.call(options))).mounts;
  }

  /** Makes the active snapshot `key` the committed snapshot `name`; ALREADY_EXISTS when there is one of that name. */
  async commit(
    snapshot: SnapshotKey & { name: string; labels?: Record<string, string> },
    options?: CallOptions,
  ): Promise<void> {
    const { snapshotter, name, key, labels = {} } = snapshot;
    await this.service.commit({ snapshotter, name, key, labels, parent: '' }, this.connection.call(options));
  }

  /** Removes a snapshot; false when there was none. FAILED_PRECONDITION while another one is based on it. */
  remove(snapshot: SnapshotKey, options?: CallOptions): Promise<boolean> {
    return wasThere(this.service.remove(snapshot, this.connection.call(options)));
  }

  /** The snapshot; undefined when containerd says that there is none. An answer about nothing rejects. */
  async stat(snapshot: SnapshotKey, options?: CallOptions): Promise<SnapshotInfo | undefined> {
    const answer = await orAbsent(this.service.stat(snapshot, this.connection.call(options)));
    if (!answer) return undefined;
    if (!answer.info) throw malformed(SnapshotsDefinition, 'Stat', 'about nothing');
    return toInfo(answer.info);
  }

  /** All snapshots of a snapshotter that match one of `filters` (none: all). */
  async list(snapshotter: string, filters: string[] = [], options?: CallOptions): Promise<SnapshotInfo[]> {
    const infos: SnapshotInfo[] = [];
    for await (const { info } of this.service.list({ snapshotter, filters }, this.connection.call(options))) {
      infos.push(...info.map(toInfo));
    }
    return infos;
  }

  /** Bytes and inodes of a snapshot alone, its parents left out; undefined when there is none. */
  usage(snapshot: SnapshotKey, options?: CallOptions): Promise<{ size: bigint; inodes: bigint } | undefined> {
    return orAbsent(this.service.usage(snapshot, this.connection.call(options)));
  }

  /** Sets these labels of a snapshot and leaves the others; a null value removes one. */
  async updateLabels(
    { snapshotter, key, labels }: SnapshotKey & { labels: Record<string, string | null> },
    options?: CallOptions,
  ): Promise<void> {
    const change = labelChange(labels);
    const info = { name: key, parent: '', kind: Kind.UNKNOWN, labels: change.labels };
    await this.service.update({ snapshotter, info, updateMask: change.paths }, this.connection.call(options));
  }
}

const KINDS: Partial<Record<Kind, SnapshotInfo['kind']>> = {
  [Kind.ACTIVE]: 'ACTIVE',
  [Kind.VIEW]: 'VIEW',
  [Kind.COMMITTED]: 'COMMITTED',
};

function toInfo({ name, parent, kind, createdAt, updatedAt, labels }: Info): SnapshotInfo {
  const times = { createdAt: toNanos(createdAt), updatedAt: toNanos(updatedAt) };
  return { name, parent, kind: KINDS[kind] ?? 'UNKNOWN', ...times, labels };
}
