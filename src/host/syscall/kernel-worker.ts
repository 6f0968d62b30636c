import { parentPort } from 'node:worker_threads';
import { runKernelJob } from './kernel-call';
import type { KernelJobName } from './kernel-jobs';
import { hostMeans, type Syscalls } from './syscalls';
import { toThrownThere } from './thread-errors';
import type { ThreadReply, ThreadRequest } from './thread-pool';

/** unshare(2): from then on the working directory is this thread's own. */
const CLONE_FS = 0x200;

/** What a thread of ThreadPool runs: makes one call after the other until it is ended. */
export function serveKernelJobs(): void {
  const port = parentPort;
  if (!port) throw new Error('this is the main thread');
  const { syscalls } = hostMeans();
  ownWorkingDirectory(syscalls);
  port.on('message', ({ name, input }: ThreadRequest) => port.postMessage(answer(name, input, syscalls)));
}

function answer(name: string, input: unknown, syscalls: Syscalls | undefined): ThreadReply {
  try {
    return { output: runKernelJob(name as KernelJobName, input, syscalls) };
  } catch (error) {
    return { thrown: toThrownThere(error) };
  }
}

/** Where that is refused (by a seccomp filter), the directory changes for all threads while an overlay is mounted. */
function ownWorkingDirectory(syscalls: Syscalls | undefined): void {
  try {
    syscalls?.unshare(CLONE_FS);
  } catch {
    // Everything but such overlays is the same without.
  }
}

serveKernelJobs();
