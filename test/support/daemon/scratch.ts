import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { mountsBelow, shimPids } from './leftovers';

/** A short-named folder of a test's own; the root of a user namespace, who is nobody out here, may pass through it. */
export function createScratch(): string {
  const dir = mkdtempSync(join(tmpdir(), 'crisp-'));
  chmodSync(dir, 0o711);
  return dir;
}

/** Ends the shims of the containerd at `address`, lets go of every mount below the folder, and removes it. */
export function removeScratch(dir: string, address?: string): void {
  for (const pid of address ? shimPids(address) : []) {
    for (const child of childrenOf(pid)) endProcess(child);
    endProcess(pid);
  }
  for (const point of mountsBelow(dir)) execFileSync('umount', ['--lazy', point], { stdio: 'ignore' });
  removeTree(dir);
}

/**
 * A process that was told to end may write its last file meanwhile. Node's own retries are of no use then: they try the
 * folder again, not what has come into it.
 */
function removeTree(dir: string): void {
  for (let left = 50; ; left -= 1) {
    try {
      rmSync(dir, { recursive: true, force: true });
      return;
    } catch (error) {
      if (left === 0) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
  }
}

function childrenOf(pid: number): number[] {
  try {
    return execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
      .split(/\s+/)
      .filter(Boolean)
      .map(Number);
  } catch {
    return []; // ps exits non-zero when there are none
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
