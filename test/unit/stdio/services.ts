import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../src/base/logger';
import { noMetrics } from '../../../src/base/metrics';
import { noManager } from '../../../src/base/service-manager';
import { kernelPipes } from '../../../src/host/syscall/pipes';
import type { Command, EngineEvent, Numbered, OnDisk } from '../../../src/stdio/engine-messages';
import type { WriteSync } from '../../../src/stdio/log-file';
import { StdioError } from '../../../src/stdio/stdio-error';
import { StdioRemote } from '../../../src/stdio/stdio-remote';
import type { StdioService } from '../../../src/stdio/stdio-service';
import { EngineLanes } from '../../../src/stdiod/engine/engine-lanes';
import { JOURNAL_BYTES } from '../../../src/stdiod/engine/journal';
import { JournalFiles } from '../../../src/stdiod/engine/journal-files';
import { LogEngine } from '../../../src/stdiod/engine/log-engine';
import type { LanePort, Told } from '../../../src/stdiod/engine/worker-port';
import { StdioInProcess } from '../../../src/stdiod/output/stdio-in-process';
import { StdioThreaded } from '../../../src/stdiod/output/stdio-threaded';
import { RecordedStdio } from '../../../src/stdiod/server/recorded-stdio';
import { StdioServer } from '../../../src/stdiod/server/stdio-server';

/** A StdioService under test. */
export interface Service {
  readonly stdio: StdioService;
  stop(): Promise<void>;
}

/** A way to have stdio: all of them keep the same promises. */
export interface ServiceKind {
  readonly kind: string;
  /** Whether an unfinished line is left in its pipe for whoever reads it next. */
  readonly leavesLines: boolean;
  make(dir: string, write?: WriteSync): Promise<Service>;
}

/** The engine on this thread: it copies whenever the event loop comes round. */
class InlinePort implements LanePort {
  private readonly engine: LogEngine;
  private readonly queue: Numbered[] = [];
  private readonly waiting = new Map<number, (event: EngineEvent & { kind: 'answer' }) => void>();
  private seq = 0;

  constructor(
    private readonly onTold: (event: Told) => void,
    options: { journal: string; write?: WriteSync },
  ) {
    const tell = (event: EngineEvent): void => this.heard(event);
    const pipes = kernelPipes();
    const memory = pipes.sharedMemory(options.journal, JOURNAL_BYTES);
    this.engine = new LogEngine({ pipes, memory, log: silentLogger, metrics: noMetrics, tell, ...options });
    this.turn();
  }

  send(command: Command): Promise<OnDisk | undefined> {
    const seq = this.seq++;
    this.queue.push({ seq, command });
    return new Promise((resolve, reject) => {
      this.waiting.set(seq, ({ failure, elsewhere }) => {
        if (failure) reject(new StdioError(failure.code, failure.message));
        else resolve(elsewhere);
      });
    });
  }

  async stop(): Promise<void> {
    await this.send({ kind: 'stop' });
  }

  private turn(): void {
    const commands = this.queue.splice(0);
    this.engine.turn(0, () => commands);
    if (!commands.some(({ command }) => command.kind === 'stop')) setImmediate(() => this.turn());
  }

  private heard(event: EngineEvent): void {
    if (event.kind === 'answer') {
      this.waiting.get(event.seq)?.(event);
      this.waiting.delete(event.seq);
    } else if (event.kind !== 'ready') this.onTold(event);
  }
}

export interface InlineEngineOptions {
  /** Directory of journals, which may be those of a predecessor; left out: one of its own. */
  readonly dir?: string;
  /** Ids of containers that will be opened. */
  readonly noted?: readonly string[];
  readonly write?: WriteSync;
}

/** The engine and what has clients, on this thread. */
export function inlineEngine({ dir, noted = [], write }: InlineEngineOptions = {}): Service {
  const stdio = new StdioThreaded({ log: silentLogger, metrics: noMetrics });
  const own = dir ?? mkdtempSync(join(tmpdir(), 'crisp-journals-'));
  const lanes = new EngineLanes({
    start: (journal) => new InlinePort((event) => stdio.heard(event), { journal, write }),
    diskOf: () => '8:1',
    journals: new JournalFiles(own, new Set(noted)),
    threadGone: async () => undefined,
    log: silentLogger,
    onDead: () => undefined,
  });
  stdio.connect(lanes);
  return {
    stdio,
    stop: async () => {
      await stdio.leave();
      await lanes.stop();
      if (dir === undefined) rmSync(own, { recursive: true });
    },
  };
}

/** Serves a StdioService in a directory, as a process of its own does. */
export async function serveStdio(dir: string, inner: StdioService, build = 'test'): Promise<StdioServer> {
  const stdio = new RecordedStdio(inner, join(dir, 'open'), silentLogger);
  const server = new StdioServer({
    ...{ stdio, log: silentLogger, build },
    onControl: () => undefined,
    onLeave: () => undefined,
    onQuit: async () => undefined,
    onLetGo: () => stdio.letGo(),
  });
  await server.listen(join(dir, 'stdio.sock'));
  return server;
}

/** A client of what is served in a directory. */
export function remoteStdio(dir: string): StdioRemote {
  const remote = new StdioRemote({
    ...{ path: join(dir, 'stdio.sock'), build: 'test', containerd: '' },
    ...{ log: silentLogger, metrics: noMetrics, manager: noManager },
    start: () => ({ pid: 0, kill: () => undefined }),
    holder: async () => undefined,
  });
  remote.start();
  return remote;
}

/** A server and a client of it, with the engine behind them. */
async function overSocket(dir: string, write?: WriteSync): Promise<Service> {
  const { stdio: inner, stop } = inlineEngine({ write });
  const server = await serveStdio(dir, inner);
  const remote = remoteStdio(dir);
  return {
    stdio: remote,
    stop: async () => {
      await remote.leave();
      await server.close();
      await stop();
    },
  };
}

export const SERVICES: readonly ServiceKind[] = [
  {
    kind: 'on the event loop',
    leavesLines: false,
    make: async (_dir, write) => {
      const stdio = new StdioInProcess({ log: silentLogger, metrics: noMetrics, write });
      return { stdio, stop: () => stdio.leave() };
    },
  },
  { kind: 'by the engine', leavesLines: true, make: async (_dir, write) => inlineEngine({ write }) },
  { kind: 'in another process', leavesLines: true, make: overSocket },
];
