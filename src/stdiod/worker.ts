import { readlinkSync } from 'node:fs';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { LogFields, Logger } from '../base/logger';
import { elsewhereThan } from '../host/mount/disk-of';
import { RecentMountInfo } from '../host/mount/mount-info';
import { kernelPipes } from '../host/syscall/pipes';
import type { EngineEvent, Numbered } from '../stdio/engine-messages';
import { DataBacklog } from './engine/data-backlog';
import { JOURNAL_BYTES } from './engine/journal';
import { LogEngine } from './engine/log-engine';

/** What a thread that copies output is started with. */
export interface StdioWorkerData {
  /** File of the memory that outlives a kill. */
  readonly journal: string;
  /** Of a DataBacklog. */
  readonly backlog: SharedArrayBuffer;
}

/** A thread that copies output; `copying.ts` starts it. Blocks until it is told to stop. */
export function runStdioWorker(): void {
  const port = parentPort;
  if (!port) throw new Error('this is the main thread');
  const tell = (event: EngineEvent): void => port.postMessage(event);
  const { journal, backlog } = workerData as StdioWorkerData;
  const pipes = kernelPipes();
  const mounts = new RecentMountInfo();
  const log = loggerTo(tell);
  const onNoRoom = (): void => log.warn('no room for the journal: a kill may lose or repeat a line', { journal });
  const engine = new LogEngine({
    pipes,
    tell,
    backlog: new DataBacklog(backlog),
    journal,
    owner: readlinkSync('/proc/thread-self'),
    memory: pipes.sharedMemory(journal, JOURNAL_BYTES, onNoRoom),
    elsewhere: (at) => elsewhereThan(mounts.text(), at),
    log,
    metrics: {
      count: (name, labels, by = 1) => tell({ kind: 'count', name, labels, by }),
      time: () => undefined,
    },
  });
  tell({ kind: 'ready', waker: engine.waker });
  engine.run(function* () {
    for (let each = receiveMessageOnPort(port); each; each = receiveMessageOnPort(port)) yield each.message as Numbered;
  });
  port.close();
}

function loggerTo(tell: (event: EngineEvent) => void): Logger {
  const logger: Logger = {
    debugEnabled: false,
    debug: () => undefined,
    info: (message, fields = {}) => tell({ kind: 'log', level: 'info', message, fields: plain(fields) }),
    warn: (message, fields = {}) => tell({ kind: 'log', level: 'warn', message, fields: plain(fields) }),
    error: (message, fields = {}) => tell({ kind: 'log', level: 'error', message, fields: plain(fields) }),
    child: () => logger,
  };
  return logger;
}

/** What can pass between threads. */
function plain(fields: LogFields): LogFields {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, String(value)]));
}
