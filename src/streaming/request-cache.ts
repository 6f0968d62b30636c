import { randomBytes } from 'node:crypto';

const TOKEN_BYTES = 16;
const LIFE_MS = 60_000;
/** As many as kubelet's own cache of requests has (`maxInFlight`). */
export const MOST_REQUESTS = 1000;
/** What requests may weigh together: 16 commands of 4 MiB, which is more than the kernel takes for one. */
export const REQUEST_BYTES = 64 * 1024 * 1024;

/** So many URLs wait to be dialled that no further one is given out. */
export class TooManyRequests extends Error {
  override readonly name = 'TooManyRequests';
}

interface Entry<T> {
  readonly value: T;
  readonly expiresAt: number;
}

export interface RequestCacheOptions<T> {
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
  /** How many bytes a request takes. Absent: none. */
  readonly weigh?: (value: T) => number;
}

/**
 * Requests between the RPC that allowed them and the client that comes for them. A token cannot be guessed, is the only
 * proof a client has, is good once and for a minute; at most a thousand are outstanding.
 */
export class RequestCache<T> {
  /** In the order of their end: all live equally long. */
  private readonly entries = new Map<string, Entry<T>>();
  private readonly now: () => number;
  private readonly weigh: (value: T) => number;
  /** Of requests that wait, and of those that are kept while they are served. */
  private weight = 0;

  constructor({ now = () => performance.now(), weigh = () => 0 }: RequestCacheOptions<T> = {}) {
    this.now = now;
    this.weigh = weigh;
  }

  get size(): number {
    return this.entries.size;
  }

  /** Keeps a request; answers its token, which is safe in a URL. Throws TooManyRequests. */
  insert(value: T): string {
    this.forgetExpired();
    if (this.entries.size >= MOST_REQUESTS) {
      throw new TooManyRequests(`${MOST_REQUESTS} streaming URLs wait to be dialled already`);
    }
    const weight = this.weigh(value);
    if (this.weight + weight > REQUEST_BYTES) {
      throw new TooManyRequests(`the commands of streams would take more than ${REQUEST_BYTES} bytes`);
    }
    this.weight += weight;
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    this.entries.set(token, { value, expiresAt: this.now() + LIFE_MS });
    return token;
  }

  /** Whether `take` would answer a request. */
  has(token: string): boolean {
    const entry = this.entries.get(token);
    return entry !== undefined && entry.expiresAt > this.now();
  }

  /** Spends a token; undefined when there is none such, or none any more. */
  take(token: string): T | undefined {
    const entry = this.entries.get(token);
    this.forget(token);
    return entry && entry.expiresAt > this.now() ? entry.value : undefined;
  }

  /** Counts a request that was taken for as long as it is served. Answers what ends that. */
  keep(value: T): () => void {
    const weight = this.weigh(value);
    this.weight += weight;
    let over = false;
    return () => {
      if (!over) this.weight -= weight;
      over = true;
    };
  }

  private forgetExpired(): void {
    const now = this.now();
    for (const [token, { expiresAt }] of this.entries) {
      if (expiresAt > now) return;
      this.forget(token);
    }
  }

  private forget(token: string): void {
    const entry = this.entries.get(token);
    if (!entry) return;
    this.entries.delete(token);
    this.weight -= this.weigh(entry.value);
  }
}
