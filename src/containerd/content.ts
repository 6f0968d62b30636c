import { ContentDefinition, type Info } from '../../generated/containerd/services/content/v1/content';
import type { Client } from '../rpc/client/client';
import { Code } from '../rpc/code';
import type { CallOptions, Connection } from './connection';
import { ContentWriter } from './content-writer';
import { ContainerdError, malformed, orAbsent, wasThere } from './errors';
import { labelChange } from './label-change';
import { toNanos } from './time';

/** A blob. Times are nanoseconds since 1970. */
export interface ContentInfo {
  digest: string;
  size: bigint;
  createdAt: bigint;
  labels: Record<string, string>;
}

/** A blob on its way in. */
export interface IngestStatus {
  ref: string;
  /** How many bytes are there. */
  offset: bigint;
  /** How many there will be; 0n when unknown. */
  total: bigint;
  expected: string;
  startedAt: bigint;
  updatedAt: bigint;
}

/** Blobs by digest: manifests, configs, layers. */
export class Content {
  private readonly service: Client<typeof ContentDefinition>;

  constructor(private readonly connection: Connection) {
    this.service = connection.service(ContentDefinition);
  }

  /** The blob; undefined when containerd says that there is none. An answer about nothing rejects. */
  async info(digest: string, options?: CallOptions): Promise<ContentInfo | undefined> {
    const answer = await orAbsent(this.service.info({ digest }, this.connection.call(options)));
    if (!answer) return undefined;
    if (!answer.info) throw malformed(ContentDefinition, 'Info', 'about nothing');
    return toInfo(answer.info);
  }

  /** All blobs that match one of `filters` (none: all). */
  async list(filters: string[] = [], options?: CallOptions): Promise<ContentInfo[]> {
    const infos: ContentInfo[] = [];
    for await (const { info } of this.service.list({ filters }, this.connection.call(options))) {
      infos.push(...info.map(toInfo));
    }
    return infos;
  }

  /** A whole blob; undefined when there is none. Rejects with RESOURCE_EXHAUSTED when it has more than `maxBytes`. */
  async readAll(digest: string, options: CallOptions & { maxBytes: number }): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    let size = 0;
    try {
      const request = { digest, offset: 0n, size: 0n };
      for await (const { data } of this.service.read(request, this.connection.call(options))) {
        size += data.length;
        if (size > options.maxBytes) {
          const message = `${digest} has more than ${options.maxBytes} bytes`;
          throw new ContainerdError(Code.RESOURCE_EXHAUSTED, message, READ);
        }
        parts.push(data);
      }
    } catch (error) {
      if (error instanceof ContainerdError && error.code === Code.NOT_FOUND) return undefined;
      throw error;
    }
    return Buffer.concat(parts, size);
  }

  /** A blob in pieces, from `offset` on; `size` 0n or absent: to its end. Throws NOT_FOUND when there is none. */
  async *read(digest: string, options: CallOptions & { offset?: bigint; size?: bigint } = {}): AsyncGenerator<Buffer> {
    const { offset = 0n, size = 0n, ...call } = options;
    for await (const { data } of this.service.read({ digest, offset, size }, this.connection.stream(call))) yield data;
  }

  /** Sets these labels of a blob and leaves the others; a null value removes one. NOT_FOUND when there is no such blob. */
  async updateLabels(digest: string, labels: Record<string, string | null>, options?: CallOptions): Promise<void> {
    const change = labelChange(labels);
    const info = { digest, size: 0n, labels: change.labels };
    await this.service.update({ info, updateMask: change.paths }, this.connection.call(options));
  }

  /** Removes a blob; false when there was none. */
  delete(digest: string, options?: CallOptions): Promise<boolean> {
    return wasThere(this.service.delete({ digest }, this.connection.call(options)));
  }

  /** How far the ingest `ref` has come; undefined when there is none. */
  async status(ref: string, options?: CallOptions): Promise<IngestStatus | undefined> {
    const answer = await orAbsent(this.service.status({ ref }, this.connection.call(options)));
    if (!answer?.status) return undefined;
    const { offset, total, expected, startedAt, updatedAt } = answer.status;
    return { ref, offset, total, expected, startedAt: toNanos(startedAt), updatedAt: toNanos(updatedAt) };
  }

  /** Drops what has come in under `ref`; false when there was nothing. */
  abort(ref: string, options?: CallOptions): Promise<boolean> {
    return wasThere(this.service.abort({ ref }, this.connection.call(options)));
  }

  /**
   * Begins, or goes on with, the ingest `ref`. Rejects with UNAVAILABLE when another writer has it, and with
   * ALREADY_EXISTS when `expected` is there already. The writer must be closed; its call has no deadline unless
   * `options` has one.
   */
  openWrite(ingest: { ref: string; total?: bigint; expected?: string }, options?: CallOptions): Promise<ContentWriter> {
    const { ref, total = 0n, expected = '' } = ingest;
    return ContentWriter.open(() => this.service.write(this.connection.stream(options)), { ref, total, expected });
  }
}

const READ = 'containerd.services.content.v1.Content/Read';

function toInfo({ digest, size, createdAt, labels }: Info): ContentInfo {
  return { digest, size, createdAt: toNanos(createdAt), labels };
}
