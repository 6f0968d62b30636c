/** How many bytes a pool lets its members hold. */
export interface PoolLimits {
  /** By all members together. Members that hold no more than `own` go on beyond it. */
  readonly all: number;
  /** By all members of one owner; absent: as much as by all. */
  readonly ofOwner?: number;
  /** By one member. */
  readonly each: number;
  /** By one member however much the others hold: nobody is held up for good by what others do not give back. */
  readonly own: number;
}

/** Whose a member is: the name of a pod, or what else is the same for all members of one owner and for no other. */
export type PoolOwner = string | object;

/** Bytes that peers make this process keep, counted over all of them. A member that has no room is to stop reading. */
export class BytePool {
  private total = 0;
  private readonly stopped = new Set<PoolMember>();
  private readonly owners = new Map<PoolOwner, number>();

  constructor(readonly limits: PoolLimits) {}

  /** What all members hold. */
  get bytes(): number {
    return this.total;
  }

  /**
   * A new member, which holds nothing. `onRoom` is called when there is room again after `mayTakeMore` was false. Without an owner
   * it is one of its own.
   */
  join(onRoom: () => void = () => undefined, owner: PoolOwner = {}): PoolMember {
    return new PoolMember(this, owner, onRoom);
  }

  /** For members: what all together, and those of this owner, leave room for. */
  roomFor(owner: PoolOwner): number {
    const { all, ofOwner = all } = this.limits;
    return Math.min(all - this.total, ofOwner - (this.owners.get(owner) ?? 0));
  }

  /** For members: one of them holds so much more, or less when it is negative. */
  change(member: PoolMember, by: number): void {
    const { all, ofOwner = all } = this.limits;
    const before = { all: this.total, own: this.owners.get(member.owner) ?? 0 };
    const own = before.own + by;
    this.total += by;
    if (own > 0) this.owners.set(member.owner, own);
    else this.owners.delete(member.owner);
    if (by > 0 || this.stopped.size === 0) return;
    // Others are looked at only when the pool, or their owner's part, stops being full: what one gives back is not told each time.
    if (before.all >= all && this.total < all) this.wakeAll(() => true);
    else if (before.own >= ofOwner && own < ofOwner) this.wakeAll(({ owner }) => owner === member.owner);
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

  private wakeAll(which: (member: PoolMember) => boolean): void {
    for (const each of [...this.stopped]) if (which(each)) this.wake(each);
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
    readonly owner: PoolOwner,
    readonly onRoom: () => void,
  ) {}

  /** How many bytes it holds. */
  get bytes(): number {
    return this.held;
  }

  /** How many bytes it may still take; 0 or less: none. */
  get room(): number {
    const { each, own } = this.pool.limits;
    return Math.max(own - this.held, Math.min(each - this.held, this.pool.roomFor(this.owner)));
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
