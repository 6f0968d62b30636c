import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { once } from '../../src/base/work/once';
import { hostMeans, type Means } from '../../src/host/syscall/syscalls';
import { type PoolLimits, ThreadPool } from '../../src/host/syscall/thread-pool';
import { checkout } from './daemon/places';

/** Means of acting on the host whose calls are made on threads of their own, as the built crisp makes them. */
export interface ThreadedMeans extends Means {
  readonly threads: ThreadPool;
}

/** Builds what the threads run from the sources as they are; `limits` replace the pool's own. */
export function threadedMeans(limits: Partial<PoolLimits> = {}): ThreadedMeans {
  const { syscalls } = hostMeans();
  const exitNow = (): void => undefined; // a test's process ends as it likes
  return { syscalls, threads: new ThreadPool({ program: builtWorker(), exitNow, limits }) };
}

const made: string[] = [];
const removeMade = (): void => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
};
// What jest calls `process` in a test never hears of the end of the process.
if (typeof globalThis.afterAll === 'function') afterAll(removeMade);
else process.on('exit', removeMade);

/** Compiled when first asked for; deleted with the process, or when the tests of a file are done. */
const builtWorker = once(() => {
  const dir = mkdtempSync(join(tmpdir(), 'crisp-worker-'));
  made.push(dir);
  return bundle(dir, 'src/host/syscall/kernel-worker.ts', 'crisp-host.js');
});

/** Bundles a file of src/ into `dir`, where it runs; answers its path. */
export function bundle(dir: string, source: string, name: string): string {
  const modules = join(dir, 'node_modules');
  if (!existsSync(modules)) symlinkSync(join(checkout(), 'node_modules'), modules); // koffi is found beside the file
  const program = join(dir, name);
  const flags = ['--bundle', '--platform=node', '--format=cjs', '--target=node20', '--external:koffi'];
  const esbuild = join(checkout(), 'node_modules/.bin/esbuild');
  execFileSync(esbuild, [source, ...flags, `--outfile=${program}`, '--log-level=error'], { cwd: checkout() });
  return program;
}
