import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { checkout } from '../daemon/places';
import { until } from '../daemon/process';

/** What a process has open, by what the descriptors lead to: `socket`, `pipe`, `anon_inode`, or a path. */
export function openFiles(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
}

/** How many sockets a process has open. */
export function openSockets(pid: number): number {
  return openFiles(pid).filter((link) => link.startsWith('socket:')).length;
}

/** Memory of a process that is in RAM, in bytes. */
export function residentBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? 0) * 1024;
}

/** What keeps a process alive (sockets, pipes, timers, by kind), and its memory once garbage is collected. */
export interface Handles {
  readonly resources: Readonly<Record<string, number>>;
  readonly memory: NodeJS.MemoryUsage;
}

/** Environment of a crisp that `readHandles` can ask; `dir` is a folder of the test's own. */
export function handlesEnv(dir: string): NodeJS.ProcessEnv {
  const hook = join(checkout(), 'test/support/daemon/report-handles.cjs');
  return { NODE_OPTIONS: `--require ${hook}`, CRISP_HANDLES_FILE: join(dir, 'handles.json') };
}

/** Asks a crisp that was started with `handlesEnv(dir)`. */
export async function readHandles(pid: number, dir: string): Promise<Handles> {
  const file = join(dir, 'handles.json');
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  await until('the report of its handles', 10_000, async () => existsSync(file));
  return JSON.parse(readFileSync(file, 'utf8')) as Handles;
}
