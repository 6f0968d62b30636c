/** Gives a seat back; further calls do nothing. */
export type LeaveSeat = () => void;

/** A number of seats, of which one owner can have a part only, so that there are some left for the others. */
export class Seats {
  private readonly owners = new Map<string, number>();
  private count = 0;

  /** `most`: seats in all; `mostOfOne`: seats of one owner, half of them when it is not given. */
  constructor(
    readonly most: number,
    readonly mostOfOne: number = Math.ceil(most / 2),
  ) {}

  /** Seats that are taken. */
  get taken(): number {
    return this.count;
  }

  /** Takes a seat; undefined when there is none left for this owner. */
  take(owner: string): LeaveSeat | undefined {
    const has = this.owners.get(owner) ?? 0;
    if (this.count >= this.most || has >= this.mostOfOne) return undefined;
    this.count++;
    this.owners.set(owner, has + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.giveBack(owner);
    };
  }

  private giveBack(owner: string): void {
    this.count--;
    const has = (this.owners.get(owner) ?? 0) - 1;
    if (has > 0) this.owners.set(owner, has);
    else this.owners.delete(owner);
  }
}
