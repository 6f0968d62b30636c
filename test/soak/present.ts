/** What has to be told of pods and containers at one moment. */
export interface PresentNow {
  readonly ready: ReadonlySet<string>;
  readonly running: ReadonlySet<string>;
}

interface Listed {
  readonly id: string;
  readonly state: number;
}

/** Pods that are READY, containers that run, and what has been removed: by what lives know, not by what crisp says. */
export class Present {
  private readonly ready = new Set<string>();
  private readonly running = new Set<string>();
  private readonly gone = new Map<string, number>();
  private readonly holders = new Map<string, string>();

  /** A pod has been started, and nobody has asked to stop it; answers who else has its address. */
  podReady(id: string, address: string): string | undefined {
    this.ready.add(id);
    if (address === '') return undefined;
    const holder = this.holders.get(address);
    this.holders.set(address, id);
    return holder;
  }

  /** To be called before a container is stopped, or may end by itself. */
  containerEnds(id: string): void {
    this.running.delete(id);
  }

  /** A container has been started that runs until it is stopped. */
  containerRuns(id: string): void {
    this.running.add(id);
  }

  /** To be called before a pod is stopped. */
  podEnds(id: string): void {
    this.ready.delete(id);
    for (const [address, holder] of this.holders) if (holder === id) this.holders.delete(address);
  }

  /** A removal has been answered: no list that is asked for from now on may have it. */
  removed(id: string, now = performance.now()): void {
    this.gone.set(id, now);
  }

  /** What must be told now, to be compared when an answer has come. */
  now(): PresentNow {
    return { ready: new Set(this.ready), running: new Set(this.running) };
  }

  /** One of the containers that run. */
  anyRunning(pick: (list: readonly string[]) => string): string | undefined {
    return this.running.size === 0 ? undefined : pick([...this.running]);
  }

  /** Those that had to be told when an answer was asked for, and still have to. */
  still(asked: PresentNow): PresentNow {
    const both = (before: ReadonlySet<string>, after: ReadonlySet<string>): Set<string> =>
      new Set([...before].filter((id) => after.has(id)));
    return { ready: both(asked.ready, this.ready), running: both(asked.running, this.running) };
  }

  /** What a list says wrongly that was asked for at `since`: each of `wanted` must be in `state` there. */
  wrongIn(list: readonly Listed[], wanted: ReadonlySet<string>, state: number, since: number): string[] {
    const states = new Map(list.map((each) => [each.id, each.state]));
    const problems = [...wanted]
      .filter((id) => states.get(id) !== state)
      .map((id) => `${id} is ${states.has(id) ? `in state ${states.get(id)}` : 'missing'}`);
    const after = list.filter(({ id }) => (this.gone.get(id) ?? Number.POSITIVE_INFINITY) < since);
    const twice = list.length === states.size ? [] : [`${list.length - states.size} ids stand there twice`];
    return [...problems, ...twice, ...after.map(({ id }) => `${id} is there after its removal`)];
  }
}
