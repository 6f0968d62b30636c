import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

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
