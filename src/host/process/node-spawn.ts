import { type ChildProcess, spawn } from 'node:child_process';
import { type End, killGroup, type Program, type Running, untilGroupGone } from './program';

/** Starts a program as Node does, which blocks this thread until it is loaded: for where posix_spawn(3) cannot be called. */
export function nodeSpawn({ argv: [program, ...args], env, cwd, input }: Program): Running {
  // A process group of its own, so that what it started is killed with it.
  const child: ChildProcess = spawn(program, args, { env: { ...env }, cwd, detached: true });
  const ended = new Promise<End>((resolve, reject) => {
    // Before its streams are touched: without free descriptors there are none, and this event is all there is.
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  child.stdin?.on('error', () => undefined); // it may end without reading
  child.stdin?.end(input);
  const abandon = (): void => {
    if (child.pid !== undefined) killGroup(child.pid);
    for (const stream of child.stdio ?? []) stream?.destroy();
    child.unref();
  };
  const gone = (ms: number): Promise<void> => untilGroupGone(Promise.resolve(child.pid), ms);
  return { stdout: child.stdout, stderr: child.stderr, ended, abandon, gone };
}
