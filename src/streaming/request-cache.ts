import { randomBytes } from 'node:crypto';

const TOKEN_BYTES = 16;
const LIFE_MS = 60_000;
const MOST = 1000;

/** So many URLs wait to be dialled that no further one is given out. */
export class TooManyRequests extends Error {
  override readonly name = 'TooManyRequests';
}

interface Entry<T> {
  readonly value: T;
  readonly expiresAt: number;
}

/**
 * Requests between the RPC that allowed them and the client that comes for them. A token cannot be guessed, is the only
 * proof a client has, is good once and for a minute; at most a thousand are outstanding.
 */
export class RequestCache<T> {
  /** In the order of their end: all live equally long. */
  private readonly entries = new Map<string, Entry<T>>();

  /** `now` answers milliseconds on a clock that never goes back. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  get size(): number {
    return this.entries.size;
  }

  /** Keeps a request; answers its token, which is safe in a URL. Throws TooManyRequests. */
  insert(value: T): string {
    this.forgetExpired();
    if (this.entries.size >= MOST) throw new TooManyRequests(`${MOST} streaming URLs wait to be dialled already`);
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    this.entries.set(token, { value, expiresAt: this.now() + LIFE_MS });
    return token;
  }

  /** Spends a token; undefined when there is none such, or none any more. */
  take(token: string): T | undefined {
    const entry = this.entries.get(token);
    this.entries.delete(token);
    return entry && entry.expiresAt > this.now() ? entry.value : undefined;
  }

  private forgetExpired(): void {
    const now = this.now();
    for (const [token, { expiresAt }] of this.entries) {
      if (expiresAt > now) return;
      this.entries.delete(token);
    }
  }
}
