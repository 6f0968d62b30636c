import { DeadlineError, within } from './deadline';
import { Limit } from './limit';

interface Thing<T> {
  answer?: T;
  /** The question under way. */
  asking?: Promise<T>;
  /** It did not answer in time, and has not answered since. */
  late: boolean;
}

/**
 * What things that may hang have answered, each under a key. Whoever asks waits for `patienceMs` at most and gets the last
 * answer then, undefined when there has been none. Of a thing that was late the last answer comes at once, until it has
 * answered again. There is one question at a time to each; a second one joins it.
 */
export class LastAnswers<T> {
  private readonly things = new Map<string, Thing<T>>();
  private readonly patienceMs: number;
  private readonly limit: Limit;

  /** `atOnce` things are waited for at a time. */
  constructor(options: { readonly patienceMs: number; readonly atOnce: number }) {
    this.patienceMs = options.patienceMs;
    this.limit = new Limit(options.atOnce);
  }

  /** Asks; rejects with what the question rejects with in time. The question must have a deadline of its own. */
  async ask(key: string, question: () => Promise<T>): Promise<T | undefined> {
    const thing = this.things.get(key) ?? { late: false };
    this.things.set(key, thing);
    if (!thing.late) return this.limit.run(() => this.inTime(thing, question));
    // Nobody waits for it, but that is how we learn that it is well again.
    void begin(thing, question).catch(() => undefined);
    return thing.answer;
  }

  /** Forgets all but the things that are still there. */
  keep(isThere: (key: string) => boolean): void {
    for (const key of this.things.keys()) if (!isThere(key)) this.things.delete(key);
  }

  private async inTime(thing: Thing<T>, question: () => Promise<T>): Promise<T | undefined> {
    const asking = begin(thing, question);
    asking.catch(() => undefined);
    if (thing.late) return thing.answer; // somebody else found out while we waited for our turn
    try {
      return await within(this.patienceMs, 'an answer', () => asking);
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      thing.late = true;
      return thing.answer;
    }
  }
}

/** The question under way, or a new one. */
function begin<T>(thing: Thing<T>, question: () => Promise<T>): Promise<T> {
  thing.asking ??= question()
    .then((answer) => {
      thing.answer = answer;
      thing.late = false;
      return answer;
    })
    .finally(() => {
      thing.asking = undefined;
    });
  return thing.asking;
}
