import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Logger } from './base/logger';
import { hostMeans } from './host/syscalls';
import { WorkerPort } from './io/engine/worker-port';
import { CountBuffer } from './io/remote/count-buffer';
import { RecordedStdio } from './io/remote/recorded-stdio';
import { StdioServer } from './io/remote/stdio-server';
import { StdioInProcess } from './io/stdio-in-process';
import type { StdioService } from './io/stdio-service';
import { StdioThreaded } from './io/stdio-threaded';
import { notesDir, programBuild, stdioSocket } from './stdio-names';
import { takeOverStdio } from './stdio-take-over';
import type { StdioWorkerData } from './stdio-worker';

/** Without a server and without anything open, the process ends after this time. */
const IDLE_MS = 5000;
const COUNTS_EVERY_MS = 5000;

export interface StdioProcessOptions {
  /** Directory of the process: socket, lock, journal, notes of what is open. In memory (`/run`), for root alone. */
  readonly dir: string;
  /** Take over from a process that is there; else, when there is one, end at once. */
  readonly replace: boolean;
  readonly log: Logger;
  /** The bundle that we run, and the worker thread too. */
  readonly program: string;
  /** Fires when the process is to end in an orderly way. */
  readonly signal: AbortSignal;
}

/**
 * Serves the stdio of containers until another process takes over, a signal asks it to stop, or nobody needs it. However
 * it ends, nothing that a container prints is lost: what is not in a log yet is still in its pipe.
 */
export async function runStdioProcess(options: StdioProcessOptions): Promise<void> {
  const { dir, log, program } = options;
  mkdirSync(notesDir(dir), { recursive: true, mode: 0o700 });
  const lock = await takeOverStdio(options);
  if (!lock) return;
  const end = new AbortController();
  const finish = (): void => end.abort();
  if (options.signal.aborted) finish();
  options.signal.addEventListener('abort', finish, { once: true });
  const counts = new CountBuffer();
  const { service, stop } = startService(options, counts, finish);
  const stdio = new RecordedStdio(service, notesDir(dir), log);
  const idle = new Idle(() => stdio.size === 0, finish);
  await stdio.restore();
  lock.releaseFifos();
  const server = new StdioServer({
    ...{ stdio, log, build: programBuild(program) },
    onControl: (controllers) => idle.controlled(controllers > 0),
    onLeave: () => idle.left(),
    onQuit: async () => finish(),
  });
  rmSync(stdioSocket(dir), { force: true });
  await server.listen(stdioSocket(dir));
  const telling = setInterval(() => {
    if (server.controllers > 0) counts.flush((counted) => server.tell({ counted }));
  }, COUNTS_EVERY_MS);
  log.info('serving the stdio of containers', { open: stdio.size, pid: process.pid });
  await new Promise<void>((resolve) => {
    if (end.signal.aborted) resolve();
    else end.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  clearInterval(telling);
  idle.stop();
  await stdio.leave();
  await stop();
  await server.close();
  await lock.release();
  log.info('no longer serving the stdio of containers');
}

/** Ends the process when neither a server nor a container needs it. */
class Idle {
  private timer: NodeJS.Timeout | undefined;
  private alone = true;

  constructor(
    private readonly isEmpty: () => boolean,
    private readonly finish: () => void,
  ) {
    this.wait(IDLE_MS);
  }

  controlled(is: boolean): void {
    this.alone = !is;
    if (is) this.stop();
    else this.wait(IDLE_MS);
  }

  /** The server went away on purpose: there is no crash to bridge. */
  left(): void {
    if (this.isEmpty()) this.finish();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private wait(ms: number): void {
    this.stop();
    this.timer = setTimeout(() => {
      if (!this.alone) return;
      if (this.isEmpty()) this.finish();
      else this.wait(ms);
    }, ms);
  }
}

/** The service on a thread of its own; without koffi, on this one. */
function startService(
  { dir, log, program }: StdioProcessOptions,
  metrics: CountBuffer,
  onDead: () => void,
): { service: StdioService; stop(): Promise<void> } {
  if (!hostMeans().syscalls) {
    log.warn('koffi does not load: a kill may lose an unfinished line', { reason: hostMeans().reason });
    return { service: new StdioInProcess({ log, metrics }), stop: async () => undefined };
  }
  const workerData: StdioWorkerData = { journal: join(dir, 'journal') };
  const worker = new Worker(program, {
    workerData,
    trackUnmanagedFds: false,
    resourceLimits: { maxYoungGenerationSizeMb: 2 },
  });
  const service = new StdioThreaded({ log, metrics });
  let stopping = false;
  const port = new WorkerPort(
    worker,
    (event) => service.heard(event),
    (why) => {
      if (!stopping) log.error('the stdio of containers cannot be served', { error: why });
      onDead();
    },
  );
  service.connect(port);
  return {
    service,
    stop: async () => {
      stopping = true;
      await port.stop();
    },
  };
}
