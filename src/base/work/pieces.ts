import { inTurn } from './divided-work';

/** Items of a list in a piece. */
const ITEMS = 1024;

/** Work that can be left between two pieces and gone on with in a later turn of the event loop. A piece takes some milliseconds. */
export type Pieces<T> = Generator<undefined, T, undefined>;

/** Goes through a list, a thousand items in a piece. */
export function* eachOf<T>(items: readonly T[], act: (item: T, at: number) => void): Pieces<void> {
  for (let from = 0; from < items.length; from += ITEMS) {
    if (from > 0) yield;
    items.slice(from, from + ITEMS).forEach((item, at) => {
      act(item, from + at);
    });
  }
}

/** Does the work now, as one. */
export function atOnce<T>(work: Pieces<T>): T {
  for (let step = work.next(); ; step = work.next()) if (step.done) return step.value;
}

/** Does the work, at once when it is little. What takes longer gets its share of each turn. Rejects with what the work throws. */
export async function inTurns<T>(work: Pieces<T>): Promise<T> {
  for (;;) {
    const step = await inTurn(() => work.next());
    if (step.done) return step.value;
  }
}
