import { Backoff, sleep } from '../base/backoff';
import { errorMessage } from '../base/errors';
import type { KeyedMutex } from '../base/keyed-mutex';
import type { Logger } from '../base/logger';
import type { Descriptor } from '../model/image';
import type { ImageBackend, Work } from './backend';
import { inParts } from './blob-parts';
import { type BlobWriter, openBlobWriter, writeRef } from './blob-writer';
import { ensureLabels } from './content-labels';
import type { DownloadSlots } from './download-slots';
import type { RetryRule } from './endpoint';
import { PullError, unreachable } from './errors';
import type { LayerEntry } from './manifests';
import { type BlobStream, RangesIgnored, type Registry } from './registry';

export interface BlobFetcherOptions {
  readonly backend: ImageBackend;
  readonly registry: Registry;
  readonly work: Work;
  /** Labels for everything that is fetched. */
  readonly labels: Readonly<Record<string, string>>;
  /** Shared by all pulls: one download per digest at a time, and so many at once. */
  readonly downloads: KeyedMutex;
  readonly slots: DownloadSlots;
  /** A blob bigger than this is fetched in parts of so many bytes, side by side; 0: never. */
  readonly partBytes: number;
  readonly retry: RetryRule;
  readonly log: Logger;
}

/** Brings blobs from a registry into containerd's content store, for one pull. */
export class BlobFetcher {
  private readonly backend: ImageBackend;
  private readonly work: Work;
  /** Nobody has sent a whole blob yet when a part was asked for. */
  private ranges = true;

  constructor(private readonly options: BlobFetcherOptions) {
    this.backend = options.backend;
    this.work = options.work;
  }

  /** Afterwards the blob is in the store and the lease keeps it. What is there, or comes with another pull, is not fetched. */
  async fetch(entry: LayerEntry): Promise<void> {
    const { digest } = entry.descriptor;
    await using _turn = await this.options.downloads.hold(digest, this.work.signal);
    if (await this.keep(digest)) return;
    await this.options.slots.run(this.work.signal, () => this.download(entry));
  }

  /** Writes a document that was read already, such as a manifest, with labels of its own. */
  async put(descriptor: Descriptor, data: Buffer, labels: Readonly<Record<string, string>>): Promise<void> {
    await using _turn = await this.options.downloads.hold(descriptor.digest, this.work.signal);
    const all = { ...this.options.labels, ...labels };
    if (!(await this.keep(descriptor.digest))) {
      const writer = await openBlobWriter(this.backend.content, descriptor, this.work);
      if (writer) await this.orAbandon(writer, descriptor, () => this.writeAll(writer, data, all));
    }
    await ensureLabels(this.backend.content, descriptor.digest, all, this.work);
  }

  /**
   * True if the blob is in the store; the lease keeps it from here on. It is told to the lease first: between a look and
   * a later word the collector could come by.
   */
  async keep(digest: string): Promise<boolean> {
    const { lease, signal } = this.work;
    await this.backend.leases.addResource(lease, { id: digest, type: 'content' }, { signal });
    if (!(await this.backend.content.info(digest, { signal }))) return false;
    await ensureLabels(this.backend.content, digest, this.options.labels, this.work);
    return true;
  }

  private async download(entry: LayerEntry): Promise<void> {
    const writer = await openBlobWriter(this.backend.content, entry.descriptor, this.work);
    if (!writer) return ensureLabels(this.backend.content, entry.descriptor.digest, this.options.labels, this.work);
    await this.orAbandon(writer, entry.descriptor, async () => {
      await this.receive(entry, writer);
      await writer.commit({ ...this.options.labels });
    });
  }

  private async writeAll(writer: BlobWriter, data: Buffer, labels: Record<string, string>): Promise<void> {
    const rest = data.subarray(Number(writer.position));
    if (rest.length > 0) await writer.write(rest);
    await writer.commit(labels);
  }

  /** Closes the writer; what was begun and failed is taken out of the store again. */
  private async orAbandon(writer: BlobWriter, descriptor: Descriptor, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      await writer.close().catch(() => undefined);
      await this.backend.content.abort(writeRef(descriptor), { lease: this.work.lease }).catch(() => false);
      throw error;
    }
    await writer.close();
  }

  /** Parts cost a request each, so only what is bigger than one is worth it. Foreign layers have other hosts. */
  private comesInParts({ descriptor, urls }: LayerEntry, { position }: BlobWriter): boolean {
    const { partBytes } = this.options;
    return this.ranges && partBytes > 0 && urls.length === 0 && descriptor.size - position > BigInt(partBytes);
  }

  private async receiveParts({ descriptor }: LayerEntry, writer: BlobWriter): Promise<void> {
    const { registry, slots, partBytes } = this.options;
    const source = {
      part: (from: bigint, to: bigint, signal: AbortSignal) => registry.blobPart(descriptor, { from, to }, signal),
      takeSlot: () => slots.tryTake(),
    };
    const rest = { from: writer.position, size: descriptor.size, partBytes };
    for await (const part of inParts(source, rest)) await writer.write(part);
  }

  /** Fills the writer. A stream that breaks off is taken up where it broke; only attempts that bring nothing count. */
  private async receive(entry: LayerEntry, writer: BlobWriter): Promise<void> {
    const { attempts, ...limits } = this.options.retry;
    const backoff = new Backoff(limits);
    for (let failed = 0; !writer.complete; ) {
      const before = writer.position;
      try {
        if (this.comesInParts(entry, writer)) await this.receiveParts(entry, writer);
        else await copyInto(writer, await this.options.registry.blob(entry, before));
        if (!writer.complete) throw brokenOff(entry.descriptor, writer.position);
      } catch (error) {
        this.work.signal.throwIfAborted();
        if (error instanceof RangesIgnored) {
          this.ranges = false;
          continue;
        }
        if (!(error instanceof PullError) || error.kind !== 'registry') throw error;
        if (writer.position > before) {
          failed = 0;
          backoff.reset();
        }
        if (++failed >= attempts) throw error;
        this.options.log.warn('a download broke off', { digest: entry.descriptor.digest, error: errorMessage(error) });
        await sleep(backoff.next(), this.work.signal);
      }
    }
  }
}

function brokenOff({ digest, size }: Descriptor, position: bigint): PullError {
  return unreachable(`the blob ${digest} broke off after ${position} of ${size} bytes`);
}

/** Copies a stream, leaving out what the writer has already. */
async function copyInto(writer: BlobWriter, { offset, body, transfer }: BlobStream): Promise<void> {
  let skip = Number(writer.position - offset);
  try {
    for await (const chunk of readable(body)) {
      transfer.moved(chunk.length);
      const part = skip === 0 ? chunk : chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - part.length;
      if (part.length > 0) await writer.write(part);
    }
  } finally {
    transfer.end();
    body.on('error', () => undefined).destroy();
  }
}

/** The stream's parts; what goes wrong in the stream itself, not in whoever reads it, becomes a PullError. */
async function* readable(body: BlobStream['body']): AsyncIterable<Buffer> {
  const parts: AsyncIterator<Buffer> = body[Symbol.asyncIterator]();
  for (;;) {
    const next = await parts.next().catch((error: unknown) => {
      throw unreachable('the connection broke', error);
    });
    if (next.done) return;
    yield next.value;
  }
}
