import { StoreDefinition } from '../../generated/containerd/services/sandbox/v1/sandbox';
import type { Sandbox } from '../../generated/containerd/types/sandbox';
import type { Any } from '../model/any';
import type { Client } from '../rpc/client/client';
import type { CallOptions, Connection } from './connection';
import { isNotFound, isUnimplemented, malformed } from './errors';
import { toNanos } from './time';

/** What containerd remembers of a sandbox. Times are nanoseconds since 1970. */
export interface SandboxRecord {
  id: string;
  runtime: { name: string; options?: Any };
  spec?: Any;
  labels: Record<string, string>;
  createdAt: bigint;
  updatedAt: bigint;
  extensions: Record<string, Any>;
  /** Which controller acts on it; releases before 2.0 have no such field. */
  sandboxer: string;
}

type NewSandboxRecord = Partial<SandboxRecord> & { id: string };

/**
 * Sandbox records, in releases that have them (introspection shows `io.containerd.grpc.v1` `sandboxes`). Reading and
 * deleting on a release without them answer that there is nothing; writing rejects with UNIMPLEMENTED.
 */
export class SandboxStore {
  private readonly service: Client<typeof StoreDefinition>;

  constructor(private readonly connection: Connection) {
    this.service = connection.service(StoreDefinition);
  }

  /** Makes a record; ALREADY_EXISTS when there is one of that id. */
  async create(record: NewSandboxRecord, options?: CallOptions): Promise<void> {
    await this.service.create({ sandbox: toMessage(record) }, this.connection.creating(options));
  }

  /** Changes the fields named by `fieldPaths` (`labels`, `extensions.<key>`, `spec`, `runtime`); none: all of them. */
  async update(change: NewSandboxRecord, fieldPaths: string[], options?: CallOptions): Promise<void> {
    await this.service.update({ sandbox: toMessage(change), fields: fieldPaths }, this.connection.call(options));
  }

  /** The record of `id`; undefined when containerd says that there is none. An answer about nothing or another rejects. */
  async get(id: string, options?: CallOptions): Promise<SandboxRecord | undefined> {
    const request = this.service.get({ sandboxId: id }, this.connection.call(options));
    const answer = await unlessLacking(request, undefined);
    if (!answer) return undefined;
    const { sandbox } = answer;
    if (sandbox?.sandboxId !== id) {
      throw malformed(StoreDefinition, 'Get', `about ${sandbox ? 'another sandbox' : 'nothing'}`);
    }
    return toRecord(sandbox);
  }

  /** Removes the record; false when there was none. */
  delete(id: string, options?: CallOptions): Promise<boolean> {
    const request = this.service.delete({ sandboxId: id }, this.connection.call(options));
    return unlessLacking(
      request.then(() => true),
      false,
    );
  }

  /** All records that match one of `filters` (none: all). */
  async list(filters: string[] = [], options?: CallOptions): Promise<SandboxRecord[]> {
    const request = this.service.list({ filters }, this.connection.call(options));
    const { list } = await unlessLacking(request, { list: [] });
    return list.map(toRecord);
  }
}

/** The answer, or `otherwise` when the record or the whole store is lacking. */
async function unlessLacking<T, U>(answer: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await answer;
  } catch (error) {
    if (isNotFound(error) || isUnimplemented(error)) return otherwise;
    throw error;
  }
}

function toRecord(sandbox: Sandbox): SandboxRecord {
  const { sandboxId, runtime, createdAt, updatedAt, ...rest } = sandbox;
  return {
    ...rest,
    id: sandboxId,
    runtime: { name: runtime?.name ?? '', options: runtime?.options },
    createdAt: toNanos(createdAt),
    updatedAt: toNanos(updatedAt),
  };
}

/** The runtime is always there: containerd 2.3.4 dereferences it unseen and dies of an update without one. */
function toMessage({ id, runtime, spec, labels = {}, extensions = {}, sandboxer = '' }: NewSandboxRecord): Sandbox {
  return { sandboxId: id, runtime: runtime ?? { name: '', options: undefined }, spec, labels, extensions, sandboxer };
}
