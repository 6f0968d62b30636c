import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A process may fork while we look: then we look again. */
const ROUNDS = 5;

/**
 * Kills every process whose cgroup's path names the task: when a shim dies, what runs in other PID namespaces than that of
 * its pause process may live on, and nobody else can end it. Answers how many were told to end.
 */
export async function killStrays(
  id: string,
  procRoot = '/proc',
  kill: (pid: number) => void = (pid) => process.kill(pid, 'SIGKILL'),
): Promise<number> {
  const killed = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    const found = (await pidsOf(id, procRoot)).filter((pid) => !killed.has(pid));
    if (found.length === 0) break;
    for (const pid of found) {
      killed.add(pid);
      try {
        kill(pid);
      } catch {
        // It has ended by itself.
      }
    }
  }
  return killed.size;
}

async function pidsOf(id: string, procRoot: string): Promise<number[]> {
  const pids = (await readdir(procRoot)).filter((name) => /^\d+$/.test(name));
  const ours = await Promise.all(
    pids.map(async (pid) => {
      const cgroups = await readFile(join(procRoot, pid, 'cgroup'), 'utf8').catch(() => '');
      return cgroups.includes(id) ? [Number(pid)] : [];
    }),
  );
  return ours.flat();
}
