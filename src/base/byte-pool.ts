/** How many bytes a pool lets its members hold. */
export interface PoolLimits {
  /** By all members together. Members that hold no more than `own` go on beyond it. */
  readonly all: number;
  /** By one member. */
  readonly each: number;
  /** By one member however much the others hold: nobody is held up for good by what others do not give back. */
  readonly own: number;
}

/** Bytes that peers make this process keep, counted over all of them. A member that has no room is to stop reading. */
export class BytePool {
  private total = 0;
  private readonly stopped = new Set<PoolMember>();

  constructor(readonly limits: PoolLimits) {}

  /** What all members hold. */
  get bytes(): number {
    return this.total;
  }

  /** A new member, which holds nothing. `onRoom` is called when there is room again after `mayTakeMore` was false. */
  join(onRoom: () => void = () => undefined): PoolMember {
    return new PoolMember(this, onRoom);
  }

  /** For members: one of them holds so much more, or less when it is negative. */
  change(member: PoolMember, by: number): void {
    const { all } = this.limits;
    const wasFull = this.total >= all;
    this.total += by;
    if (by > 0 || this.stopped.size === 0) return;
    // Others are looked at only when the pool stops being full: what one gives back is not told to all each time.
    if (wasFull && this.total < all) for (const each of [...this.stopped]) this.wake(each);
    else this.wake(member);
  }

  /** For members: it stops until there is room. */
  stop(member: PoolMember): void {
    this.stopped.add(member);
  }

  /** For members: it waits for nothing any more. */
  forget(member: PoolMember): void {
    this.stopped.delete(member);
  }

  private wake(member: PoolMember): void {
    if (!this.stopped.has(member) || member.room <= 0) return;
    this.stopped.delete(member);
    member.onRoom();
  }
}

/** What one peer holds of a pool. */
export class PoolMember {
  private held = 0;
  private left = false;

  constructor(
    private readonly pool: BytePool,
    readonly onRoom: () => void,
  ) {}

  /** How many bytes it holds. */
  get bytes(): number {
    return this.held;
  }

  /** How many bytes it may still take; 0 or less: none. */
  get room(): number {
    const { all, each, own } = this.pool.limits;
    return Math.max(own - this.held, Math.min(each - this.held, all - this.pool.bytes));
  }

  /** Whether it may take more. When not, `onRoom` is called once it may. */
  mayTakeMore(): boolean {
    if (this.left || this.room > 0) return true;
    this.pool.stop(this);
    return false;
  }

  /** It holds so many bytes now. */
  set(bytes: number): void {
    if (this.left) return;
    const by = bytes - this.held;
    this.held = bytes;
    if (by !== 0) this.pool.change(this, by);
  }

  /** Gives everything back; from now on it counts for nothing. */
  leave(): void {
    if (this.left) return;
    this.pool.forget(this);
    this.set(0);
    this.left = true;
  }
}
