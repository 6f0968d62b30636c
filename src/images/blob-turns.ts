import { KeyedMutex } from '../base/keyed-mutex';
import { onAbort } from '../base/on-abort';

/** How far a download has come. */
export interface Coming {
  readonly position: bigint;
  readonly complete: boolean;
}

/** Whose turn it is to fetch a blob. Give it back. */
export interface Turn extends Disposable {
  /** Somebody else has begun to fetch the same blob and does not get on: it is fetched beside that. */
  readonly beside: boolean;
  /** From now on those who wait for the turn look how far this has come. */
  watch(coming: Coming): void;
}

/** A download that brings less is not waited for: its registry need not be the one that the others ask. */
export const PATIENCE_MS = 30_000;
export const PATIENCE_BYTES_PER_S = 16_384;

/**
 * Over all pulls a blob is fetched once at a time, as long as that gets on. Which registry sends it is up to the image that came
 * first: one that sends next to nothing must not keep back the images of others that have the same layer.
 */
export class BlobTurns {
  private readonly locks = new KeyedMutex();
  private readonly coming = new Map<string, Coming>();

  constructor(private readonly patienceMs = PATIENCE_MS) {}

  /** Waits for the turn at a blob; not longer than a download gets on. Rejects with the signal's reason when that fires. */
  async take(digest: string, signal: AbortSignal): Promise<Turn> {
    signal.throwIfAborted();
    const patience = new AbortController();
    const stopListening = onAbort(signal, () => patience.abort());
    const timer = this.locks.isHeld(digest) ? this.look(digest, patience) : undefined;
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

  /** Ends the patience once less has come between two looks than there should have. */
  private look(digest: string, patience: AbortController): NodeJS.Timeout {
    const least = BigInt(Math.ceil((this.patienceMs / 1000) * PATIENCE_BYTES_PER_S));
    let before: { coming: Coming | undefined; position: bigint } | undefined;
    return setInterval(() => {
      const coming = this.coming.get(digest); // none while it waits for a slot
      const position = coming?.position ?? 0n;
      const isSame = before?.coming === coming && coming?.complete !== true;
      if (before && isSame && position - before.position < least) patience.abort();
      before = { coming, position };
    }, this.patienceMs);
  }
}
