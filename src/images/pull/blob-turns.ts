import { onAbort } from '../../base/wait/on-abort';
import { KeyedMutex } from '../../base/work/keyed-mutex';
import type { Descriptor } from '../../model/image';

/** How far a download has come. */
export interface Coming {
  readonly position: bigint;
  readonly complete: boolean;
}

/** What the blob is said to be by the manifest of the image that wants it. */
export type SizedBlob = Pick<Descriptor, 'digest' | 'size'>;

/** Whose turn it is to fetch a blob. Give it back. */
export interface Turn extends Disposable {
  /** Somebody else has begun to fetch the same blob and does not get on: it is fetched beside that. */
  readonly beside: boolean;
  /** From now on those who wait for the turn look how far this has come. */
  watch(coming: Coming): void;
}

/**
 * After so long another download of the same blob is waited for only if the rest of it, as fast as it came of late, is here soon:
 * its registry need not be the one that the others ask. It is looked at each time that this has passed again.
 */
export const PATIENCE_MS = 30_000;
export const REST_WITHIN_MS = 60_000;
/** One that always seems to be here soon, and then is not, is not waited for either. */
export const MOST_LOOKS = 4;

/**
 * Over all pulls a blob is fetched once at a time, as long as that is soon done. Which registry sends it is up to the image that
 * came first: one that is slow must not keep back the images of others that have the same layer.
 */
export class BlobTurns {
  private readonly locks = new KeyedMutex();
  private readonly coming = new Map<string, Coming>();

  constructor(private readonly patienceMs = PATIENCE_MS) {}

  /**
   * Waits for the turn at a blob, two minutes at most for bytes of another download. Rejects with the signal's reason when that
   * fires.
   */
  async take(blob: SizedBlob, signal: AbortSignal): Promise<Turn> {
    const { digest } = blob;
    signal.throwIfAborted();
    const patience = new AbortController();
    const stopListening = onAbort(signal, () => patience.abort());
    const timer = this.locks.isHeld(digest) ? this.look(blob, patience) : undefined;
    try {
      const held = await this.locks.hold(digest, patience.signal);
      const giveBack = (): void => {
        this.coming.delete(digest);
        held.release();
      };
      return { beside: false, watch: (coming) => this.coming.set(digest, coming), [Symbol.dispose]: giveBack };
    } catch {
      signal.throwIfAborted();
      return { beside: true, watch: () => undefined, [Symbol.dispose]: () => undefined };
    } finally {
      stopListening();
      clearInterval(timer);
    }
  }

  /** How many blobs are being fetched. */
  get size(): number {
    return this.locks.size;
  }

  /** Ends the patience unless the download is whole, which containerd then looks through, or its rest is here soon. */
  private look({ digest, size }: SizedBlob, patience: AbortController): NodeJS.Timeout {
    let reached = this.coming.get(digest)?.position ?? 0n;
    let looks = 0;
    return setInterval(() => {
      const coming = this.coming.get(digest); // none while it waits for a slot
      if (coming?.complete) return;
      const position = coming?.position ?? 0n;
      const [came, rest] = [position - reached, size - position];
      reached = position;
      looks++;
      const isSoonHere = rest > 0n && rest * BigInt(PATIENCE_MS) <= came * BigInt(REST_WITHIN_MS);
      if (!isSoonHere || looks >= MOST_LOOKS) patience.abort();
    }, this.patienceMs);
  }
}
