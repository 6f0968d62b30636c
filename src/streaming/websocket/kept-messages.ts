/** Where the messages of one owner's clients are counted. */
export interface MessageKeeper {
  /**
   * So many bytes are kept for `client` now. When all together are too many, the one with the most, of the owner with the most,
   * is forgotten and `cut` off: a message comes as a whole, so that holding up its client would give nothing back.
   */
  set(client: object, bytes: number, cut: () => void): void;
  /** Nothing is kept for it any more. */
  forget(client: object): void;
}

interface Kept {
  readonly owner: string;
  readonly bytes: number;
  readonly cut: () => void;
}

/**
 * What WebSocket clients make this process keep, counted over all of them: messages of which the end has not come, and those
 * that nobody has read.
 */
export class KeptMessages implements MessageKeeper {
  private readonly held = new Map<object, Kept>();
  private readonly owners = new Map<string, number>();
  private total = 0;

  /** `most`: bytes that are kept for all together; `mostOfOne`: for the clients of one owner, as many unless given. */
  constructor(
    readonly most: number,
    readonly mostOfOne: number = most,
  ) {}

  /** What is kept for all. */
  get bytes(): number {
    return this.total;
  }

  /** Counts for this owner: a pod. */
  of(owner: string): MessageKeeper {
    return {
      set: (client, bytes, cut) => this.set(client, bytes, cut, owner),
      forget: (client) => this.forget(client),
    };
  }

  set(client: object, bytes: number, cut: () => void, owner = ''): void {
    this.forget(client);
    if (bytes > 0) this.held.set(client, { owner, bytes, cut });
    this.count(owner, bytes);
    while ((this.owners.get(owner) ?? 0) > this.mostOfOne) this.cutLargest(owner);
    while (this.total > this.most) this.cutLargest(this.largestOwner());
  }

  forget(client: object): void {
    const before = this.held.get(client);
    if (!before) return;
    this.held.delete(client);
    this.count(before.owner, -before.bytes);
  }

  private count(owner: string, by: number): void {
    this.total += by;
    const bytes = (this.owners.get(owner) ?? 0) + by;
    if (bytes > 0) this.owners.set(owner, bytes);
    else this.owners.delete(owner);
  }

  private largestOwner(): string {
    let [largest, most] = ['', 0];
    for (const [owner, bytes] of this.owners) if (bytes > most) [largest, most] = [owner, bytes];
    return largest;
  }

  private cutLargest(of: string): void {
    let largest: object | undefined;
    let most = 0;
    for (const [client, { owner, bytes }] of this.held)
      if (owner === of && bytes > most) [largest, most] = [client, bytes];
    if (!largest) return;
    const cut = this.held.get(largest)?.cut;
    this.forget(largest);
    cut?.();
  }
}
