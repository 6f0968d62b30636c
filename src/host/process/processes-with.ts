import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '../../base/wait/backoff';
import { parseStartTime } from './proc';
import { isSame, type Kill, killAtOnce } from './stray-processes';

const POLL_MS = 20;
/** What was killed ends within this, unless the kernel holds it up. */
const GONE_MS = 2000;

interface Found {
  readonly pid: number;
  readonly startTime: bigint | undefined;
}

/**
 * Waits until no process runs whose environment has all of these entries (`NAME=value`). What runs after `ms` is killed.
 * Resolves also when the kernel holds one up for longer.
 */
export async function endProcessesWith(
  entries: readonly string[],
  ms: number,
  { procRoot = '/proc', kill = killAtOnce }: { procRoot?: string; kill?: Kill } = {},
): Promise<void> {
  const killAt = performance.now() + ms;
  for (;;) {
    const found = await processesWith(entries, procRoot);
    if (found.length === 0 || performance.now() >= killAt + GONE_MS) return;
    if (performance.now() >= killAt) await killAll(found, procRoot, kill);
    await sleep(POLL_MS);
  }
}

async function killAll(found: readonly Found[], procRoot: string, kill: Kill): Promise<void> {
  for (const process of found) {
    if (!(await isSame(process, procRoot))) continue;
    try {
      kill(process.pid);
    } catch {
      // It has ended by itself.
    }
  }
}

/** One that has ended, waited for or not, has no environment. */
async function processesWith(entries: readonly string[], procRoot: string): Promise<Found[]> {
  const pids = (await readdir(procRoot)).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid): Promise<Found[]> => {
      const environment = (await textOf(join(procRoot, pid, 'environ'))).split('\0');
      if (!entries.every((entry) => environment.includes(entry))) return [];
      return [{ pid: Number(pid), startTime: parseStartTime(await textOf(join(procRoot, pid, 'stat'))) }];
    }),
  );
  return found.flat();
}

/** Empty when the process has ended. */
function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
