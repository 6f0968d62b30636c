import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

import { until } from '../support/daemon/process';

const V1 = '/sys/fs/cgroup/cpuacct';
const V2 = '/sys/fs/cgroup';

/**
 * A cgroup for everything that one contestant runs but its pods: whatever a daemon starts is born into its cgroup, and
 * stays there (shims, runc, CNI plugins, the stdio process), also when it has ended. runc moves the processes of
 * containers, its own `runc init` among them, into the pods' cgroups before they run: their time is not counted.
 */
export class CpuAccount {
  private readonly dir: string;
  private readonly v1 = existsSync(join(V1, 'cpuacct.usage'));

  constructor(name: string) {
    this.dir = join(this.v1 ? V1 : V2, name);
    mkdirSync(this.dir);
  }

  /** A command line that is the given one, run from within the cgroup. */
  launch(argv: readonly string[]): string[] {
    return ['sh', '-c', 'echo $$ > "$0" && exec "$@"', join(this.dir, 'cgroup.procs'), ...argv];
  }

  /** Processor seconds of all its processes since the beginning, also of those that have ended. */
  seconds(): number {
    if (this.v1) return Number(readFileSync(join(this.dir, 'cpuacct.usage'), 'utf8')) / 1e9;
    const stat = readFileSync(join(this.dir, 'cpu.stat'), 'utf8');
    return Number(/^usage_usec (\d+)$/m.exec(stat)?.[1] ?? Number.NaN) / 1e6;
  }

  /** Processes that are in it right now. */
  pids(): number[] {
    return readFileSync(join(this.dir, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  }

  /** Waits until its processes are gone, then removes the cgroup. */
  async close(): Promise<void> {
    await until(`the processes of ${this.dir} are gone`, 20_000, async () => this.pids().length === 0);
    rmdirSync(this.dir);
  }
}
