import { Backoff, sleep } from '../../base/wait/backoff';
import { within } from '../../base/wait/deadline';
import { onAbort } from '../../base/wait/on-abort';
import { askOutside } from '../../base/wait/outside';
import type { ContentWriter } from '../../containerd/content-writer';
import { ContainerdError, isAlreadyExists, isUnavailable } from '../../containerd/errors';
import type { Descriptor } from '../../model/image';
import type { ImageBackend, Work } from '../backend';
import { documentKind, isImageConfig } from '../document/media-types';
import { refused } from '../errors';
import { layerTimeoutMs } from './time-limits';

/** Parts this big move fastest into containerd. */
const PART_BYTES = 256 << 10;
/** Smaller pieces are put together by copying: a server that sends single bytes must not be kept as so many buffers. */
const SMALL_BYTES = 4096;
const BLOCK_BYTES = 64 << 10;
/** How often a reference that cannot be opened may have no writer before containerd itself is taken to be the trouble. */
const MAX_UNEXPLAINED = 5;
/** Opening takes containerd no time. It is not given up with the pull: only who has a writer knows what to clear up. */
const OPEN_TIMEOUT_MS = 30_000;
/** For some of a blob's bytes. No byte arrives meanwhile by which the pull could be given up. */
const WRITE_TIMEOUT_MS = 10 * 60_000;
/** gRPC's FAILED_PRECONDITION: what containerd answers to a commit whose digest or size is wrong. */
const FAILED_PRECONDITION = 9;

/** Writes one blob into the content store: gathers small parts and counts them. containerd holds them against the digest. */
export class BlobWriter {
  private parts: Buffer[] = [];
  private gathered = 0;
  /** Where small pieces are put together: those from `blockFrom` up to `blockTo` are not among the parts yet. */
  private block: Buffer = Buffer.alloc(0);
  private blockFrom = 0;
  private blockTo = 0;
  position: bigint;

  private readonly stopListening: () => void;

  /** `signal` ends what is under way, also a write that containerd does not take. */
  constructor(
    private readonly writer: ContentWriter,
    private readonly descriptor: Descriptor,
    signal: AbortSignal,
  ) {
    this.stopListening = onAbort(signal, () => void this.writer.close());
    this.position = writer.offset;
  }

  get complete(): boolean {
    return this.position >= this.descriptor.size;
  }

  async write(part: Buffer): Promise<void> {
    this.position += BigInt(part.length);
    const { digest, size } = this.descriptor;
    if (this.position > size) throw refused(`the blob ${digest} is longer than the ${size} bytes it was said to have`);
    this.gather(part);
    if (this.gathered >= PART_BYTES) await this.flush();
  }

  /**
   * Afterwards the blob is in the store, with these labels; or a PullError says that it is not what was asked for. Throws a
   * DeadlineError when containerd does not finish: no byte arrives meanwhile by which the pull could be given up.
   */
  async commit(labels: Record<string, string>): Promise<void> {
    const { digest, size } = this.descriptor;
    await this.flush();
    try {
      const committing = async (): Promise<unknown> => this.writer.commit({ size, expected: digest, labels });
      await within(layerTimeoutMs(size), `committing ${digest}`, committing);
    } catch (error) {
      if (!(error instanceof ContainerdError) || error.code !== FAILED_PRECONDITION) throw error;
      throw refused(`the blob ${digest} is not what it should be`, error);
    }
  }

  async close(): Promise<void> {
    this.stopListening();
    await this.writer.close();
  }

  private gather(part: Buffer): void {
    this.gathered += part.length;
    if (part.length >= SMALL_BYTES) {
      this.closeBlock();
      this.parts.push(part);
      return;
    }
    if (this.blockTo + part.length > this.block.length) {
      this.closeBlock();
      this.block = Buffer.allocUnsafeSlow(BLOCK_BYTES); // the parts of the last one are being written
      this.blockFrom = 0;
      this.blockTo = 0;
    }
    this.blockTo += part.copy(this.block, this.blockTo);
  }

  private closeBlock(): void {
    if (this.blockTo === this.blockFrom) return;
    this.parts.push(this.block.subarray(this.blockFrom, this.blockTo));
    this.blockFrom = this.blockTo;
  }

  private async flush(): Promise<void> {
    if (this.gathered === 0) return;
    this.closeBlock();
    const parts = this.parts;
    this.parts = [];
    this.gathered = 0;
    const wait = { what: `writing ${this.descriptor.digest}`, limitMs: WRITE_TIMEOUT_MS };
    await askOutside(wait, () => this.writer.write(...parts));
  }
}

/** The name under which a blob is written: as other clients of containerd call it, so that each waits for the other. */
export function writeRef({ mediaType, digest }: Descriptor): string {
  const kind = documentKind(mediaType) ?? (isImageConfig(mediaType) ? 'config' : 'layer');
  return `${kind}-${digest}`;
}

/**
 * Opens a blob for writing; `undefined` when it is in the store already, which the lease then keeps. While somebody else
 * writes the same blob it waits for them.
 */
export async function openBlobWriter(
  content: ImageBackend['content'],
  { descriptor, ref }: { descriptor: Descriptor; ref: string },
  { lease, signal }: Work,
): Promise<BlobWriter | undefined> {
  const backoff = new Backoff({ firstMs: 50, maxMs: 1000 });
  for (let unexplained = 0; ; ) {
    try {
      const { size: total, digest: expected } = descriptor;
      const opening = (untilOpen: AbortSignal): Promise<ContentWriter> =>
        content.openWrite({ ref, total, expected }, { lease, signal: untilOpen });
      const writer = await within(OPEN_TIMEOUT_MS, `opening ${ref} for writing`, opening);
      return new BlobWriter(writer, descriptor, signal);
    } catch (error) {
      if (isAlreadyExists(error)) return undefined;
      if (!isUnavailable(error)) throw error;
      const other = await content.status(ref, { signal });
      if (!other && ++unexplained >= MAX_UNEXPLAINED) throw error;
    }
    await sleep(backoff.next(), signal);
    if (await content.info(descriptor.digest, { signal })) return undefined;
  }
}
