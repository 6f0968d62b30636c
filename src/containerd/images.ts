import { type Image, ImagesDefinition } from '../../generated/containerd/services/images/v1/images';
import type { Descriptor } from '../model/image';
import type { Client } from '../rpc/client/client';
import type { CallOptions, Connection } from './connection';
import { toDescriptor, toWireDescriptor } from './descriptor';
import { malformed, orAbsent, wasThere } from './errors';
import { toNanos } from './time';

/** A name in containerd's image store and what it points at. Times are nanoseconds since 1970. */
export interface ImageRecord {
  name: string;
  labels: Record<string, string>;
  target: Descriptor;
  createdAt: bigint;
  updatedAt: bigint;
}

/** A record to be: containerd sets its times. */
export type NewImageRecord = Omit<ImageRecord, 'createdAt' | 'updatedAt'> &
  Partial<Pick<ImageRecord, 'createdAt' | 'updatedAt'>>;

/** Image names. Each holds the content and snapshots that it leads to back from garbage collection. */
export class Images {
  private readonly service: Client<typeof ImagesDefinition>;

  constructor(private readonly connection: Connection) {
    this.service = connection.service(ImagesDefinition);
  }

  /** The record of a name; undefined when containerd says that there is none. An answer about nothing or another rejects. */
  async get(name: string, options?: CallOptions): Promise<ImageRecord | undefined> {
    const answer = await orAbsent(this.service.get({ name }, this.connection.call(options)));
    if (!answer) return undefined;
    const { image } = answer;
    if (image?.name !== name) throw malformed(ImagesDefinition, 'Get', `about ${image ? 'another image' : 'nothing'}`);
    return toRecord(image);
  }

  /** All records that match one of `filters` (none: all). */
  async list(filters: string[] = [], options?: CallOptions): Promise<ImageRecord[]> {
    const { images } = await this.service.list({ filters }, this.connection.call(options));
    return images.map(toRecord);
  }

  /** Makes a name; ALREADY_EXISTS when there is one. */
  async create(record: NewImageRecord, options?: CallOptions): Promise<ImageRecord> {
    const { image } = await this.service.create({ image: toMessage(record) }, this.connection.creating(options));
    return image ? toRecord(image) : { createdAt: 0n, updatedAt: 0n, ...record };
  }

  /** Changes the fields named by `fieldPaths` (`target`, `labels`, `labels.<key>`); none: all of them. */
  async update(record: NewImageRecord, fieldPaths: string[], options?: CallOptions): Promise<ImageRecord> {
    const request = { image: toMessage(record), updateMask: fieldPaths.length > 0 ? fieldPaths : undefined };
    const { image } = await this.service.update(request, this.connection.call(options));
    return image ? toRecord(image) : { createdAt: 0n, updatedAt: 0n, ...record };
  }

  /** Removes a name; false when there was none. `sync` waits until garbage has been collected. */
  delete(name: string, options: CallOptions & { sync?: boolean } = {}): Promise<boolean> {
    return wasThere(this.service.delete({ name, sync: options.sync ?? false }, this.connection.call(options)));
  }
}

function toRecord({ name, labels, target, createdAt, updatedAt }: Image): ImageRecord {
  const times = { createdAt: toNanos(createdAt), updatedAt: toNanos(updatedAt) };
  return { name, labels, target: toDescriptor(target), ...times };
}

function toMessage({ name, labels, target }: NewImageRecord): Image {
  return { name, labels, target: toWireDescriptor(target) };
}
