import { Worker } from 'node:worker_threads';
import type { Kept } from './kept';
import type { Read } from './read-target';
import { noted, SHARED_BYTES, type Task } from './worker';

/** An input that is read for so long never ends. */
const HANGS_MS = 60_000;
const LOOK_MS = 1000;
/** More memory than that no reader needs. */
const HEAP_MB = 512;

export interface ParsersOptions {
  readonly names: readonly string[];
  /** For all of them. */
  readonly seconds: number;
  readonly seed: number;
  readonly stopped: () => boolean;
  readonly tell: (name: string, read: Read) => void;
}

/** Reads with every target, in a thread that is ended when an input keeps it. Tells of each target what came of it. */
export async function readWithAll({ names, seconds, seed, stopped, tell }: ParsersOptions): Promise<void> {
  let left = [...names];
  while (left.length > 0 && !stopped()) {
    const shared = new SharedArrayBuffer(SHARED_BYTES);
    const task: Task = { names: left, seconds: seconds / names.length, seed, shared };
    const thread = new Thread(task, (name, read) => {
      left = left.filter((each) => each !== name);
      tell(name, read);
    });
    const broken = await thread.ended(stopped);
    if (!broken) continue;
    left = left.filter((each) => each !== broken.name);
    tell(broken.name, { inputs: noted(shared).count, slowestMs: HANGS_MS, failed: [broken.kept] });
  }
}

interface Broken {
  readonly name: string;
  readonly kept: Kept;
}

class Thread {
  private readonly worker: Worker;
  private current: string;

  constructor(
    private readonly task: Task,
    private readonly tell: (name: string, read: Read) => void,
  ) {
    this.current = task.names[0] ?? '';
    this.worker = new Worker('./test/support/run-typescript.mjs', {
      argv: ['test/fuzz/worker.ts'],
      workerData: task,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    this.worker.on('message', ({ name, read }: { name: string; read?: Read }) => {
      this.current = name;
      if (read) this.tell(name, read);
    });
  }

  /** Resolves when the thread has ended: with what it was reading when it did not end by itself. */
  ended(stopped: () => boolean): Promise<Broken | undefined> {
    return new Promise((resolve) => {
      const { shared } = this.task;
      let [count, since] = [-1, Date.now()];
      const broken = (why: string): Broken => ({ name: this.current, kept: { why, ...noted(shared).input } });
      const looking = setInterval(() => {
        const now = noted(shared).count;
        if (now !== count) [count, since] = [now, Date.now()];
        const hangs = Date.now() - since > HANGS_MS;
        if (!hangs && !stopped()) return;
        finish(hangs ? broken(`it has not come to an end within ${HANGS_MS / 1000} s`) : undefined);
        void this.worker.terminate();
      }, LOOK_MS);
      const finish = (result: Broken | undefined): void => {
        clearInterval(looking);
        resolve(result);
      };
      this.worker.once('error', (error) => finish(broken(error.message)));
      this.worker.once('exit', (code) => finish(code === 0 ? undefined : broken(`its thread has ended with ${code}`)));
    });
  }
}
