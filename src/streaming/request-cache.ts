import { randomBytes } from 'node:crypto';
import { type LeaveSeat, Seats, type SpareSeats } from '../base/seats';

const TOKEN_BYTES = 16;
const LIFE_MS = 60_000;
/** As many as kubelet's own cache of requests has (`maxInFlight`). */
export const MOST_REQUESTS = 1000;
/** What requests may weigh together: 16 commands of 4 MiB, which is more than the kernel takes for one. */
export const REQUEST_BYTES = 64 * 1024 * 1024;
/** Of these and those above, so much is for owners that have few: one request, one command as long as the kernel takes it. */
export const SPARE_REQUESTS = { seats: 64, each: 1 } as const;
export const SPARE_BYTES = { seats: 16 * 1024 * 1024, each: 8 * 1024 * 1024 } as const;

/** So many URLs wait to be dialled that no further one is given out. */
export class TooManyRequests extends Error {
  override readonly name = 'TooManyRequests';
}

interface Entry<T> {
  readonly value: T;
  readonly expiresAt: number;
  /** Gives back what it took of the requests and their bytes. */
  readonly leave: () => void;
}

export interface RequestCacheOptions<T> {
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
  /** How many bytes a request takes. Absent: none. */
  readonly weigh?: (value: T) => number;
  /** Whose request it is: one owner has half of the requests and half of their bytes at most. Absent: there are no owners. */
  readonly owner?: (value: T) => string;
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
  private readonly owner: (value: T) => string;
  private readonly waiting: Seats;
  /** Of requests that wait, and of those that are kept while their command is needed. */
  private readonly bytes: Seats;

  constructor({ now = () => performance.now(), weigh = () => 0, owner }: RequestCacheOptions<T> = {}) {
    this.now = now;
    this.weigh = weigh;
    this.owner = owner ?? (() => '');
    this.waiting = seats(MOST_REQUESTS, SPARE_REQUESTS, owner !== undefined);
    this.bytes = seats(REQUEST_BYTES, SPARE_BYTES, owner !== undefined);
  }

  get size(): number {
    return this.entries.size;
  }

  /** Keeps a request; answers its token, which is safe in a URL. Throws TooManyRequests. */
  insert(value: T): string {
    this.forgetExpired();
    const leave = this.room(value);
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    this.entries.set(token, { value, expiresAt: this.now() + LIFE_MS, leave });
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

  /** Counts the bytes of a request that has just been taken on, for as long as they are needed. Answers what ends that. */
  keep(value: T): LeaveSeat {
    const weight = this.weigh(value);
    return (weight > 0 && this.bytes.take(this.owner(value), weight)) || (() => undefined);
  }

  /** Makes room for a request; answers what gives it back. */
  private room(value: T): () => void {
    const owner = this.owner(value);
    const leave = this.waiting.take(owner);
    if (!leave) throw tooMany(`${MOST_REQUESTS} streaming URLs wait to be dialled already`);
    const weight = this.weigh(value);
    if (weight === 0) return leave;
    const lighten = this.bytes.take(owner, weight);
    if (!lighten) {
      leave();
      throw tooMany(`the commands of streams would take more than ${REQUEST_BYTES} bytes`);
    }
    return () => {
      leave();
      lighten();
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
    entry.leave();
  }
}

function seats(most: number, spare: SpareSeats, hasOwners: boolean): Seats {
  return hasOwners ? new Seats(most, most / 2, spare) : new Seats(most, most);
}

function tooMany(why: string): TooManyRequests {
  return new TooManyRequests(`${why}, or half as many of this pod`);
}
