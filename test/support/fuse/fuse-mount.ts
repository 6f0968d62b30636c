import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { unmount } from '../../../src/host/mount/mounts';
import { checkout } from '../daemon/places';

/** A filesystem that a process of its own serves. */
export interface FuseMount {
  /** From now on requests are read but not answered: whoever looks waits in the kernel, where no signal reaches him. */
  stop(): Promise<void>;
  /** From now on requests are not even read: whoever looks waits in the kernel until it is killed. Holds until `end`. */
  freeze(): void;
  /** All that waits is answered, and what comes after it. */
  go(): Promise<void>;
  /** Ends the server, which fails all that waits, and unmounts whatever is still there. */
  end(): Promise<void>;
}

/** Mounts one at a directory: of one file, `file` with "hello\n", or, `writable`, an empty one to be written to. */
export async function mountFuse(target: string, kind: 'one-file' | 'writable' = 'one-file'): Promise<FuseMount> {
  const argv = ['test/support/run-typescript.mjs', 'test/support/fuse/serve.ts', target, kind];
  const server = spawn(process.execPath, argv, { cwd: checkout(), stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(server.stdout);
  const said = async (wanted: string): Promise<void> => {
    const [line] = (await Promise.race([once(lines, 'line'), once(server, 'exit')])) as [unknown];
    if (line !== wanted) throw new Error(`the FUSE server said ${String(line)}, not ${wanted}`);
  };
  const tell = async (word: string): Promise<void> => {
    server.stdin.write(`${word}\n`);
    await said(word);
  };
  await said('mounted');
  return {
    stop: () => tell('stop'),
    freeze: () => void server.kill('SIGSTOP'),
    go: () => tell('go'),
    end: () => end(server, target),
  };
}

async function end(server: ChildProcess, target: string): Promise<void> {
  const gone = server.exitCode === null && server.signalCode === null ? once(server, 'exit') : undefined;
  server.kill('SIGKILL');
  await gone;
  await unmount(target, { lazy: true });
}
