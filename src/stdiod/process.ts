import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import type { Logger } from '../base/logger';
import { LockedError } from '../host/process/lock-file';
import type { Said } from '../stdio/messages';
import { notesDir, programBuild, stdioSocket } from '../stdio/paths';
import { type Copying, startCopying } from './copying';
import { StdioIdle } from './idle';
import { TakeoverWatch } from './plugin-watch';
import { CountBuffer } from './server/count-buffer';
import { RecordedStdio } from './server/recorded-stdio';
import { StdioServer } from './server/stdio-server';
import { type Held, takeOverStdio } from './takeover';

const COUNTS_EVERY_MS = 5000;

export interface StdioProcessOptions {
  /** Directory of the process: socket, lock, journal, notes of what is open. In memory (`/run`), for root alone. */
  readonly dir: string;
  /** Path of containerd's socket; empty: its own CRI could never have these containers. */
  readonly containerd: string;
  /** Take over from a process that is there; else, when there is one, end at once. */
  readonly replace: boolean;
  readonly log: Logger;
  /** The bundle that we run, and the worker thread too. */
  readonly program: string;
  /** Fires when the process is to end in an orderly way. */
  readonly signal: AbortSignal;
}

/** How the process has ended. */
export interface StdioEnd {
  /** Its exit code. */
  readonly code: number;
  readonly why: string;
  /** The disk of a log holds up a thread: the process must be ended without waiting for its threads. */
  readonly heldUp?: boolean;
}

/** Exit codes of the process. A name of its own for the lost lock: nothing is wrong then. */
export const StdioExit = { ASKED: 0, FAILED: 1, LOCK_LOST: 75 } as const;

/**
 * Serves the stdio of containers until another process takes over, a signal asks it to stop, or nobody needs it; resolves
 * with the reason. However it ends, nothing that a container prints is lost: what is not in a log yet is still in its pipe.
 */
export async function runStdioProcess(options: StdioProcessOptions): Promise<StdioEnd> {
  mkdirSync(notesDir(options.dir), { recursive: true, mode: 0o700 });
  let lock: Held;
  try {
    lock = await takeOverStdio(options);
  } catch (error) {
    if (!(error instanceof LockedError)) throw error;
    return {
      code: StdioExit.LOCK_LOST,
      why: `another process (pid ${error.pid || 'unknown'}) has the stdio of containers`,
    };
  }
  const stdio = new StdioProcess(options, lock);
  let end: StdioEnd | undefined;
  let allEnded = true;
  try {
    await stdio.start();
    end = await stdio.serve();
  } finally {
    allEnded = await stdio.putDown();
    // Else the lock tells the next process that a write of ours may still take effect.
    if (allEnded) await lock.release();
  }
  return { ...end, heldUp: !allEnded };
}

/** The parts of the process, and when it ends. */
class StdioProcess {
  private readonly end = new AbortController();
  private ended: StdioEnd = { code: StdioExit.ASKED, why: 'asked to end' };
  private readonly counts = new CountBuffer();
  private readonly log: Logger;
  private readonly idle: StdioIdle;
  private readonly copying: Copying;
  private readonly stdio: RecordedStdio;
  private readonly server: StdioServer;
  private watch: TakeoverWatch | undefined;
  private listening = false;

  constructor(
    private readonly options: StdioProcessOptions,
    private readonly lock: Held,
  ) {
    const { dir, program, signal } = options;
    const log = teller(options.log, (said) => this.listening && this.server.tell({ said }));
    this.log = log;
    const finish = (why: string): void => this.finish({ code: StdioExit.ASKED, why });
    const onSignal = (): void => finish('a signal asked it to end');
    if (signal.aborted) onSignal();
    signal.addEventListener('abort', onSignal, { once: true });
    const onDead = (why: string): void => this.finish({ code: StdioExit.FAILED, why });
    const { predecessorGone } = lock;
    this.copying = startCopying({ ...options, log, predecessorGone }, this.counts, onDead);
    this.stdio = new RecordedStdio(this.copying.service, notesDir(dir), log);
    this.idle = new StdioIdle(
      () => this.stdio.size === 0,
      () => finish('no container and no server needs it'),
    );
    this.server = new StdioServer({
      ...{ stdio: this.stdio, log, build: programBuild(program) },
      onControl: (controllers, containerd) => this.controlled(controllers > 0, containerd),
      onLeave: () => this.idle.left(),
      onQuit: async () => finish('another process of crisp takes over'),
      onLetGo: () => this.letGo(),
    });
  }

  /** Takes up what a predecessor had open, and listens. */
  async start(): Promise<void> {
    const { dir, containerd, log } = this.options;
    const { all } = await this.stdio.restore();
    void all.then(() => this.lock.releaseFifos());
    rmSync(stdioSocket(dir), { force: true });
    await this.server.listen(stdioSocket(dir));
    this.listening = true;
    log.info('serving the stdio of containers', { open: this.stdio.size, pid: process.pid });
    this.controlled(this.server.controllers > 0, containerd);
  }

  /** Resolves when the process is to end, with the reason, which a server that is connected is told. */
  async serve(): Promise<StdioEnd> {
    const telling = setInterval(() => {
      if (this.server.controllers > 0) this.counts.flush((counted) => this.server.tell({ counted }));
    }, COUNTS_EVERY_MS);
    if (!this.end.signal.aborted) await once(this.end.signal, 'abort');
    clearInterval(telling);
    const { code, why } = this.ended;
    this.log[code === StdioExit.ASKED ? 'info' : 'error']('crisp-stdio ends', { pid: process.pid, why });
    return this.ended;
  }

  /**
   * Everything is let go, the threads too: while they wait for output, the process cannot end. False when one of them does
   * not end, since a disk holds it up.
   */
  async putDown(): Promise<boolean> {
    this.server.beginToEnd();
    this.idle.stop();
    this.watch?.stop();
    await this.stdio.leave().catch(() => undefined); // its thread has died: nothing is held any more
    const allEnded = await this.copying.stop();
    await this.server.close();
    return allEnded;
  }

  /** A server has come or gone. While there is none, we watch for containerd's own CRI ourselves. */
  private controlled(is: boolean, containerd: string): void {
    this.idle.controlled(is);
    this.watch?.stop();
    this.watch = undefined;
    if (is || containerd === '' || this.end.signal.aborted) return;
    const { log } = this.options;
    const { pause } = this.copying;
    this.watch = new TakeoverWatch({ address: containerd, log, pause, letGo: () => void this.letGo() });
    this.watch.start();
  }

  private async letGo(): Promise<void> {
    await this.stdio.letGo();
    this.finish({ code: StdioExit.ASKED, why: "containerd's own CRI has the containers" });
  }

  /** The first reason counts. */
  private finish(end: StdioEnd): void {
    if (this.end.signal.aborted) return;
    this.ended = end;
    this.end.abort();
  }
}

/** A Logger that tells a server what it has to say, and says it itself when there is none. */
function teller(log: Logger, tell: (said: Said) => boolean): Logger {
  const at =
    (level: Said['level']): Logger['info'] =>
    (message, fields = {}) => {
      if (!tell({ level, message, fields: { part: 'stdio', ...fields } })) log[level](message, fields);
    };
  const telling: Logger = { ...log, info: at('info'), warn: at('warn'), error: at('error'), child: () => telling };
  return telling;
}
