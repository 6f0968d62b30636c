import type { LeaveSeat, Seats } from '../../base/seats';
import type { SpdyStream } from './stream';

/** The streams of one connection. Each has a seat among those of all connections until it is forgotten. */
export class OpenStreams {
  private readonly streams = new Map<number, { readonly stream: SpdyStream; readonly leave: LeaveSeat }>();

  /** `most`: streams of this connection; `owner`: whose the seats are. */
  constructor(
    private readonly most: number,
    private readonly seats: Seats,
    private readonly owner: string,
  ) {}

  get size(): number {
    return this.streams.size;
  }

  get(id: number): SpdyStream | undefined {
    return this.streams.get(id)?.stream;
  }

  all(): SpdyStream[] {
    return [...this.streams.values()].map(({ stream }) => stream);
  }

  /** The stream that `make` makes; undefined, with nothing made, when there is no room for it. */
  add(id: number, make: () => SpdyStream): SpdyStream | undefined {
    const leave = this.streams.size < this.most ? this.seats.take(this.owner) : undefined;
    if (!leave) return undefined;
    const stream = make();
    this.streams.set(id, { stream, leave });
    return stream;
  }

  forget(id: number): void {
    this.streams.get(id)?.leave();
    this.streams.delete(id);
  }

  /** Forgets all. */
  clear(): void {
    for (const id of [...this.streams.keys()]) this.forget(id);
  }
}
