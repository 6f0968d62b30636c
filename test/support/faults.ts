/** What is to happen at a call. */
export interface Fault {
  /** Which call, counted from 1 and from now; default: the next. `always`: every call. */
  readonly nth?: number | 'always';
  /** What is thrown. */
  readonly error?: unknown;
  /** The call takes effect before it fails. */
  readonly afterEffect?: boolean;
  /** The call succeeds; only `hit` is called. */
  readonly passes?: boolean;
  /** Told when the call begins. */
  readonly hit?: () => void;
}

interface Armed {
  readonly name: string;
  readonly fault: Fault;
  seen: number;
}

/** Calls of a stand-in: a record of them, and those that are to fail. */
export class Faults {
  /** The name of every call, in order. */
  readonly calls: string[] = [];
  private armed: Armed[] = [];

  /** Has a call fail. */
  fail(name: string, fault: Fault = {}): void {
    this.armed.push({ name, fault, seen: 0 });
  }

  /** No call fails any more. */
  heal(): void {
    this.armed = [];
  }

  /** Runs a call as its faults say. */
  async run<T>(name: string, act: () => Promise<T>): Promise<T> {
    this.calls.push(name);
    const fault = this.take(name);
    fault?.hit?.();
    if (!fault || fault.passes) return act();
    if (fault.afterEffect) await act();
    throw fault.error ?? new Error(`${name} was made to fail`);
  }

  private take(name: string): Fault | undefined {
    let found: Fault | undefined;
    for (const armed of this.armed) {
      if (armed.name !== name) continue;
      armed.seen += 1;
      const { nth = 1 } = armed.fault;
      if (nth === 'always' || nth === armed.seen) found ??= armed.fault;
    }
    return found;
  }
}

/** The same object, with every method of `names` (all of them, when absent) run through `faults`. They must be async. */
export function withFaults<T extends object>(target: T, faults: Faults, names?: readonly (keyof T & string)[]): T {
  return new Proxy(target, {
    get: (object, key) => {
      const value: unknown = Reflect.get(object, key, object);
      if (typeof value !== 'function' || typeof key !== 'string') return value;
      if (names && !names.includes(key as keyof T & string)) return value.bind(object);
      return (...args: unknown[]) => faults.run(key, async () => value.apply(object, args));
    },
  });
}
