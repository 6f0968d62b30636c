import { Worker } from 'node:worker_threads';
import type { Logger } from '../base/logger';
import { diskOf } from '../host/mount/disk-of';
import { RecentMountInfo } from '../host/mount/mount-info';
import { dyingThreadGone } from '../host/process/proc';
import { makeRoom } from '../host/syscall/pipes';
import { hostMeans } from '../host/syscall/syscalls';
import { notesDir } from '../stdio/paths';
import type { CopyingStdio } from '../stdio/stdio-service';
import { DataBacklog } from './engine/data-backlog';
import { EngineLanes } from './engine/engine-lanes';
import { JOURNAL_BYTES } from './engine/journal';
import { JournalFiles } from './engine/journal-files';
import { WorkerPort } from './engine/worker-port';
import { StdioInProcess } from './output/stdio-in-process';
import { StdioThreaded } from './output/stdio-threaded';
import type { CountBuffer } from './server/count-buffer';
import { notedSpecs } from './server/recorded-stdio';
import type { StdioWorkerData } from './worker';

/** The service that copies, and how to hold and to end it. */
export interface Copying {
  readonly service: CopyingStdio;
  readonly pause: (on: boolean) => Promise<void>;
  /** False when a thread does not end, since the disk of a log holds it up. */
  stop(): Promise<boolean>;
}

export interface CopyingOptions {
  /** Directory of journals and notes. */
  readonly dir: string;
  readonly log: Logger;
  /** The bundle that a thread runs. */
  readonly program: string;
  /** Resolves when no system call of a killed predecessor can take effect any more. */
  predecessorGone(): Promise<void>;
}

/** The service on threads of its own; without koffi, on this one. `onDead`: a thread ended though it was not asked to. */
export function startCopying(options: CopyingOptions, metrics: CountBuffer, onDead: (why: string) => void): Copying {
  const { log } = options;
  if (!hostMeans().syscalls) {
    log.warn('koffi does not load: a kill may lose an unfinished line', { reason: hostMeans().reason });
    const nothing = async (): Promise<void> => undefined;
    return { service: new StdioInProcess({ log, metrics }), pause: nothing, stop: async () => true };
  }
  const service = new StdioThreaded({ log, metrics });
  let stopping = false;
  const lanes = startLanes(options, service, (why) => {
    if (!stopping) log.error('the stdio of containers cannot be served', { error: why });
    onDead(why);
  });
  service.connect(lanes);
  return {
    service,
    pause: (on) => service.pause(on),
    stop: async () => {
      stopping = true;
      return lanes.stop();
    },
  };
}

/** Who owned a journal is the path of a thread below /proc, or the name of a process of before there were threads. */
function threadGone(owner: string, { predecessorGone }: CopyingOptions): Promise<void> {
  return /^[1-9]\d*\//.test(owner) ? dyingThreadGone(owner) : predecessorGone();
}

function startLanes(options: CopyingOptions, service: StdioThreaded, onDead: (why: string) => void): EngineLanes {
  const { dir, log, program } = options;
  const backlog = new DataBacklog();
  const mounts = new RecentMountInfo();
  const journals = new JournalFiles(dir, new Set(notedSpecs(notesDir(dir)).map(({ id }) => id)));
  const lanes = new EngineLanes({
    ...{ journals, log, onDead },
    threadGone: (owner) => threadGone(owner, options),
    diskOf: (path) => diskOf(mounts.text(), path),
    start: (journal, onLaneDead) => {
      const workerData: StdioWorkerData = { journal, backlog: backlog.shared };
      const resourceLimits = { maxYoungGenerationSizeMb: 2 };
      const worker = new Worker(program, { workerData, trackUnmanagedFds: false, resourceLimits });
      return new WorkerPort(worker, (event) => service.heard(event), onLaneDead, backlog);
    },
  });
  // After a kill in the middle of a move the next process needs another journal, and the disk may be full by then.
  const spare = journals.spare();
  if (spare !== undefined) makeRoom(spare, JOURNAL_BYTES);
  return lanes;
}
