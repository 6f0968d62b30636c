import { DeadlineError, within } from '../wait/deadline';
import { Limit } from './limit';

interface Thing<T> {
  /** The last answer; absent while there has been none. */
  answer?: { readonly value: T };
  /** The question under way. */
  asking?: Promise<T>;
  /** The question under way with its wait for a place. */
  turn?: Promise<T | undefined>;
  /** It did not answer in time, and has not answered since. */
  late: boolean;
}

export interface LastAnswersOptions {
  /** How long one question is waited for. */
  readonly patienceMs: number;
  /** So many questions are waited for at a time. */
  readonly atOnce: number;
  /**
   * How long a caller waits in all, the wait for one of the places included: what bounds a list over many things that
   * all hang. Default: five times the patience.
   */
  readonly longestMs?: number;
}

/**
 * What things that may hang have answered, each under a key. A caller waits for `patienceMs` at most, not counting the wait
 * for a place, and for `longestMs` in all; it gets the last answer then, undefined when there has been none. Of a thing that
 * was late the last answer comes at once, until it has answered again: so things that hang occupy no place. There is one
 * question at a time to each; a second one joins it.
 */
export class LastAnswers<T> {
  private readonly things = new Map<string, Thing<T>>();
  private readonly patienceMs: number;
  private readonly longestMs: number;
  private readonly limit: Limit;

  constructor({ patienceMs, atOnce, longestMs = 5 * patienceMs }: LastAnswersOptions) {
    this.patienceMs = patienceMs;
    this.longestMs = longestMs;
    this.limit = new Limit(atOnce);
  }

  /**
   * Asks; rejects with what the question rejects with in time. The question must have a deadline of its own, and must be
   * bound to no caller: others join it.
   */
  async ask(key: string, question: () => Promise<T>): Promise<T | undefined> {
    const thing = this.things.get(key) ?? { late: false };
    this.things.set(key, thing);
    if (thing.late) {
      // No caller waits for it, but its answer shows that the thing is well again.
      void begin(thing, question).catch(() => undefined);
      return thing.answer?.value;
    }
    const turn = thing.turn ?? this.takeTurn(thing, question);
    try {
      return await within(this.longestMs, 'an answer', () => turn);
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      return thing.answer?.value;
    }
  }

  /** The last answer, however old; undefined when there has been none. Asks nothing. */
  last(key: string): T | undefined {
    return this.things.get(key)?.answer?.value;
  }

  /** True while the thing has not answered in time and not since. */
  isLate(key: string): boolean {
    return this.things.get(key)?.late ?? false;
  }

  /** Forgets all but the things that are still there. */
  keep(isThere: (key: string) => boolean): void {
    for (const key of this.things.keys()) if (!isThere(key)) this.things.delete(key);
  }

  private takeTurn(thing: Thing<T>, question: () => Promise<T>): Promise<T | undefined> {
    const turn = this.limit
      .run(() => this.inTime(thing, question))
      .finally(() => {
        thing.turn = undefined;
      });
    turn.catch(() => undefined); // its callers may all have left by then
    thing.turn = turn;
    return turn;
  }

  private async inTime(thing: Thing<T>, question: () => Promise<T>): Promise<T | undefined> {
    const asking = begin(thing, question);
    asking.catch(() => undefined);
    try {
      return await within(this.patienceMs, 'an answer', () => asking);
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      thing.late = true;
      return thing.answer?.value;
    }
  }
}

/** The question under way, or a new one. */
function begin<T>(thing: Thing<T>, question: () => Promise<T>): Promise<T> {
  thing.asking ??= question()
    .then((value) => {
      thing.answer = { value };
      thing.late = false;
      return value;
    })
    .finally(() => {
      thing.asking = undefined;
    });
  return thing.asking;
}
