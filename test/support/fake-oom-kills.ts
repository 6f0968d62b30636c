import type { OomWatch } from '../../src/model/container';

/** What a kernel in memory tells of the processes that it has killed for memory. */
export class FakeOomKills {
  /** How many, by cgroup; undefined: the cgroup is gone. Without an entry, none. */
  readonly counts = new Map<string, number | undefined>();
  /** Cgroups whose counter is watched. */
  readonly watched = new Set<string>();
  /** What the kernel's log names; undefined: it cannot be read. */
  log: string[] | undefined = [];
  /** It tells of changes of the counters, as on v2. */
  tells = false;

  watch(cgroup: string): OomWatch | undefined {
    if (!this.tells) return undefined;
    this.watched.add(cgroup);
    const look = (): boolean | undefined => {
      const kills = this.count(cgroup);
      return kills === undefined ? undefined : kills > 0n;
    };
    return { look, close: () => void this.watched.delete(cgroup) };
  }

  count(cgroup: string): bigint | undefined {
    if (!this.counts.has(cgroup)) return 0n;
    const kills = this.counts.get(cgroup);
    return kills === undefined ? undefined : BigInt(kills);
  }

  cgroups(): readonly string[] {
    if (!this.log) throw new Error('EPERM: the log of the kernel');
    return this.log;
  }
}
