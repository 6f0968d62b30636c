/** Gives back what was taken; further calls do nothing. */
export type LeaveSeat = () => void;

/** Seats that are kept free for owners that have few: however many owners fill the others, a further one finds some. */
export interface SpareSeats {
  /** How many of the seats are kept free. */
  readonly seats: number;
  /** Only an owner that has at most so many seats afterwards may take one of them. */
  readonly each: number;
}

/** A number of seats, of which one owner can have a part only, so that there are some left for the others. */
export class Seats {
  private readonly owners = new Map<string, number>();
  private count = 0;

  /** `most`: seats in all, `spare` among them; `mostOfOne`: seats of one owner, half of them when it is not given. */
  constructor(
    readonly most: number,
    readonly mostOfOne: number = Math.ceil(most / 2),
    readonly spare: SpareSeats = { seats: 0, each: 0 },
  ) {}

  /** Seats that are taken. */
  get taken(): number {
    return this.count;
  }

  /** Takes so many seats together; undefined when there are not as many left for this owner. */
  take(owner: string, seats = 1): LeaveSeat | undefined {
    const has = (this.owners.get(owner) ?? 0) + seats;
    const most = has > this.spare.each ? this.most - this.spare.seats : this.most;
    if (this.count + seats > most || has > this.mostOfOne) return undefined;
    this.count += seats;
    this.owners.set(owner, has);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.giveBack(owner, seats);
    };
  }

  private giveBack(owner: string, seats: number): void {
    this.count -= seats;
    const has = (this.owners.get(owner) ?? 0) - seats;
    if (has > 0) this.owners.set(owner, has);
    else this.owners.delete(owner);
  }
}
