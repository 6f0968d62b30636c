import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { statFields } from './proc-stat';

/** What a process is to its contestant. */
export const COMPONENTS = ['containerd', 'crisp', 'crisp-stdio', 'shims', 'pauses', 'other'] as const;
export type Component = (typeof COMPONENTS)[number];

/** Whose process it is, by its command line; undefined for what runs in a pod and is none of the runtime's. */
export function componentOf(argv: readonly string[], where: 'daemons' | 'pods'): Component | undefined {
  const program = basename(argv[0] ?? '');
  if (where === 'pods') return program === 'pause' ? 'pauses' : undefined;
  if (program.startsWith('containerd-shim')) return 'shims';
  if (program === 'containerd') return 'containerd';
  const script = argv.slice(1).map((word) => basename(word));
  if (script.some((name) => name.startsWith('crisp-stdio'))) return 'crisp-stdio';
  return script.includes('crisp') || script.includes('crisp.js') ? 'crisp' : 'other';
}

/** Proportional set size of the contestant's daemons and of the pause processes below its shims, in bytes. */
export function memoryBy(daemons: readonly number[]): Record<Component, number> {
  const sums = Object.fromEntries(COMPONENTS.map((name) => [name, 0])) as Record<Component, number>;
  const count = (pid: number, where: 'daemons' | 'pods'): Component | undefined => {
    const component = componentOf(argvOf(pid), where);
    if (component) sums[component] += pssOf(pid);
    return component;
  };
  const shims = new Set(daemons.filter((pid) => count(pid, 'daemons') === 'shims'));
  for (const pid of childrenOf(shims)) if (!daemons.includes(pid)) count(pid, 'pods');
  return sums;
}

function childrenOf(parents: ReadonlySet<number>): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => parents.has(parentOf(pid)));
}

function parentOf(pid: number): number {
  return Number(statFields(pid)[1]);
}

function argvOf(pid: number): string[] {
  return read(`/proc/${pid}/cmdline`).split('\0');
}

function pssOf(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024;
}

/** Empty when the process has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
