import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isSame, isShim, killAtOnce, lookAt } from './stray-processes';

/** containerd keeps a directory for each shim, in which the shim was started, and deletes it when it lets go of the shim. */
const BUNDLE = /\/io\.containerd\.runtime\.v2\.task\/([^/]+)\/\.?([^/]+) \(deleted\)$/;

/** A shim that containerd has let go of and that lives on without a process to care for. */
export interface LeakedShim {
  readonly pid: number;
  /** In clock ticks since the machine began: with it a pid names one process only. */
  readonly startTime: bigint | undefined;
  /** What it was started for: the id of a pod. */
  readonly id: string;
}

/**
 * The shims of a containerd namespace that have no child process and whose bundle containerd has deleted. containerd asks a
 * shim once to shut down and forgets it. A shim that still knows a task refuses, and then lives for ever. A shim that is
 * just ending looks the same. Shims of a containerd in another PID namespace are left out.
 */
export async function leakedShims(namespace: string, procRoot = '/proc'): Promise<LeakedShim[]> {
  const processes = await lookAt(procRoot);
  const parents = new Set(processes.map(({ parent }) => parent));
  const own = await readlink(join(procRoot, 'self/ns/pid')).catch(() => undefined);
  const idle = processes.filter(({ pid, args }) => isShim(args) && !parents.has(pid));
  const found = await Promise.all(
    idle.map(async ({ pid, startTime, args }): Promise<LeakedShim[]> => {
      const links = ['cwd', 'ns/pid'].map((name) => readlink(join(procRoot, String(pid), name)).catch(() => ''));
      const [cwd = '', pidNamespace] = await Promise.all(links);
      const [, inNamespace, id = ''] = BUNDLE.exec(cwd) ?? [];
      const leaked = inNamespace === namespace && args.includes(id) && pidNamespace === own;
      return leaked ? [{ pid, startTime, id }] : [];
    }),
  );
  return found.flat();
}

/** Kills it, unless it has ended and its pid is another process' by now. */
export async function killShim(shim: LeakedShim, procRoot = '/proc', kill = killAtOnce): Promise<void> {
  if (!(await isSame(shim, procRoot))) return;
  try {
    kill(shim.pid);
  } catch {
    // It has ended by itself.
  }
}
