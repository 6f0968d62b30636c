import { newSuffix } from '../../base/ids';
import type { Logger } from '../../base/logger';
import type { Descriptor } from '../../model/image';
import type { ImageBackend, Work } from '../backend';
import type { LayerEntry } from '../document/manifests';
import type { Registry } from '../registry/registry';
import type { RetryRule } from '../registry/retry';
import { ensureLabels } from '../unpack/content-labels';
import type { BlobTurns, Turn } from './blob-turns';
import { type BlobWriter, openBlobWriter, writeRef } from './blob-writer';
import type { DownloadSlots } from './download-slots';
import { BeginAnew, BlobReceiver } from './receive-blob';

export interface BlobFetcherOptions {
  readonly backend: ImageBackend;
  readonly registry: Registry;
  readonly work: Work;
  /** Labels for everything that is fetched. */
  readonly labels: Readonly<Record<string, string>>;
  /** Shared by all pulls: whose turn it is to fetch a blob. */
  readonly turns: BlobTurns;
  /** Of this pull, within those of all pulls: so many downloads at once. */
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
  /** Names of hosts that send no parts of blobs. */
  private readonly wholeOnly = new Set<string>();

  constructor(private readonly options: BlobFetcherOptions) {
    this.backend = options.backend;
    this.work = options.work;
  }

  /** Afterwards the blob is in the store and the lease keeps it. What is there, or comes with another pull, is not fetched. */
  async fetch(entry: LayerEntry): Promise<void> {
    const { digest } = entry.descriptor;
    const { signal } = this.work;
    using turn = await this.options.turns.take(entry.descriptor, signal);
    await this.options.slots.run(signal, async () => {
      if (!(await this.keep(digest))) await this.download(entry, turn);
    });
  }

  /** Writes a document that was read already, such as a manifest, with labels of its own. */
  async put(descriptor: Descriptor, data: Buffer, labels: Readonly<Record<string, string>>): Promise<void> {
    using turn = await this.options.turns.take(descriptor, this.work.signal);
    const all = { ...this.options.labels, ...labels };
    if (!(await this.keep(descriptor.digest))) {
      const ref = refFor(descriptor, turn);
      const writer = await openBlobWriter(this.backend.content, { descriptor, ref }, this.work);
      if (writer) await this.orAbandon(writer, ref, () => this.writeAll(writer, data, all));
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

  private async download(entry: LayerEntry, turn: Turn): Promise<void> {
    const { descriptor } = entry;
    const { registry, slots, partBytes, retry, log } = this.options;
    const { wholeOnly, work } = this;
    const sources = registry.blobSources(entry);
    const { signal } = work;
    const receiver = new BlobReceiver({ descriptor, sources, slots, partBytes, wholeOnly, retry, signal, log });
    const ref = refFor(descriptor, turn);
    for (let done = false; !done; ) {
      const writer = await openBlobWriter(this.backend.content, { descriptor, ref }, work);
      if (writer) turn.watch(writer);
      else return ensureLabels(this.backend.content, descriptor.digest, this.options.labels, work);
      done = await this.received(receiver, writer, ref);
    }
  }

  /** True if the blob is in the store now; false if what was written of it is gone, and it must be begun anew. */
  private async received(receiver: BlobReceiver, writer: BlobWriter, ref: string): Promise<boolean> {
    try {
      await this.orAbandon(writer, ref, () => receiver.into(writer, { ...this.options.labels }));
      return true;
    } catch (error) {
      if (error instanceof BeginAnew) return false;
      throw error;
    }
  }

  private async writeAll(writer: BlobWriter, data: Buffer, labels: Record<string, string>): Promise<void> {
    const rest = data.subarray(Number(writer.position));
    if (rest.length > 0) await writer.write(rest);
    await writer.commit(labels);
  }

  /** Closes the writer; what was begun and failed is taken out of the store again. */
  private async orAbandon(writer: BlobWriter, ref: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      await writer.close().catch(() => undefined);
      await this.backend.content.abort(ref, { lease: this.work.lease }).catch(() => false);
      throw error;
    }
    await writer.close();
  }
}

/** The name to write a blob under. Who writes beside somebody must not wait for them. */
function refFor(descriptor: Descriptor, { beside }: Turn): string {
  return beside ? `${writeRef(descriptor)}-${newSuffix()}` : writeRef(descriptor);
}
