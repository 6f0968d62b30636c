import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostMeans, type Means, SPAWNED_TOOLS } from '../../../src/host/syscall/syscalls';
import { threadedMeans } from '../../support/host-threads';

/** Every way to act on the host: what holds for one holds for the others. */
export const MEANS: [string, Means][] = [
  ['system calls', hostMeans()],
  ['system calls on another thread', threadedMeans()],
  ['spawned tools', SPAWNED_TOOLS],
];

/** A directory for each test of the file, and the proof that nothing is left mounted in it, once `tidy` has run. */
export function useTempDir(tidy: () => Promise<void> = async () => undefined): { readonly path: string } {
  const dir = { path: '' };
  beforeEach(() => {
    dir.path = mkdtempSync(join(tmpdir(), 'crisp-host-'));
  });
  afterEach(async () => {
    await tidy();
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    expect(mounts.filter((line) => line.includes(dir.path))).toEqual([]);
    rmSync(dir.path, { recursive: true });
  });
  return dir;
}
