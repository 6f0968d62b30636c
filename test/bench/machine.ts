import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

import { containerdPrograms, versionSaid } from '../support/daemon/containerd';

/** What the numbers were measured on. */
export interface Machine {
  readonly when: string;
  readonly processors: string;
  readonly memory: string;
  readonly kernel: string;
  readonly containerd: string;
  readonly runc: string;
  readonly node: string;
  /** How many processes wanted a processor in the minute before: more than none means that others were at work. */
  readonly load: number;
}

/** Looks at the machine, before anything is measured. */
export function thisMachine(): Machine {
  const programs = containerdPrograms('2');
  const model = /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
  return {
    when: new Date().toISOString().slice(0, 16),
    processors: `${cpus().length} × ${model || process.arch}`,
    memory: `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    kernel: release(),
    containerd: versionSaid(programs.containerd),
    runc: versionSaid(programs.runc),
    node: process.version,
    load: loadavg()[0] ?? 0,
  };
}

/** Which release's plugin crisp is measured against, and the machine, as sentences. */
export function describeMachine({ when, processors, memory, kernel, load, ...programs }: Machine): string {
  const { containerd, runc, node } = programs;
  return (
    `The plugin is the CRI of containerd ${containerd}, with runc ${runc}; crisp runs on the same two, with Node ${node}. ` +
    `${when} UTC; ${processors}, ${memory}, Linux ${kernel}; ` +
    `load average before: ${load.toFixed(1)}.`
  );
}
