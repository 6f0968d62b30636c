import type { LogFields, Logger } from '../../../src/base/logger';
import { noMetrics } from '../../../src/base/metrics';
import { noManager } from '../../../src/base/service-manager';
import { StdioRemote, type StdioRemoteOptions } from '../../../src/stdio/stdio-remote';
import type { StarterLimits } from '../../../src/stdio/stdio-starter';
import { Fixture } from './fixture';
import { inlineEngine, type Service, serveStdio } from './services';

export interface Line extends LogFields {
  readonly message: string;
}

/** A StdioRemote whose processes are made up. After each test nothing may have been rejected without being handled. */
export class Supervised {
  readonly fixture = new Fixture();
  readonly lines: Line[] = [];
  private readonly rejections: unknown[] = [];
  private readonly undo: (() => Promise<void>)[] = [];
  private readonly onRejection = (reason: unknown): void => void this.rejections.push(reason);

  constructor() {
    process.on('unhandledRejection', this.onRejection);
  }

  /** Stops everything; answers what was rejected and not handled. */
  async stop(): Promise<unknown[]> {
    for (const step of this.undo.splice(0).reverse()) await step();
    process.off('unhandledRejection', this.onRejection);
    this.fixture.remove();
    return this.rejections;
  }

  /** What was logged with a message. */
  logged(message: string): Line[] {
    return this.lines.filter((line) => line.message === message);
  }

  /** The pauses that were logged with a message, in milliseconds. */
  pauses(message: string): number[] {
    return this.logged(message).map(({ againInMs }) => Number(againInMs));
  }

  /** A remote that starts processes as told. */
  remote(more: Partial<StdioRemoteOptions>, limits?: Partial<StarterLimits>): StdioRemote {
    const remote = new StdioRemote({
      ...{ path: this.fixture.path('stdio.sock'), build: 'test', containerd: '', limits },
      ...{ log: this.logger(), metrics: noMetrics, manager: noManager },
      start: () => ({ pid: 1, kill: () => undefined }),
      holder: async () => undefined,
      ...more,
    });
    this.undo.push(() => remote.leave());
    remote.start();
    return remote;
  }

  /** A process that serves, of a build. */
  async serving(build = 'test'): Promise<Service> {
    const { stdio, stop } = inlineEngine();
    const server = await serveStdio(this.fixture.dir, stdio, build);
    let stopped: Promise<void> | undefined;
    const end = async (): Promise<void> => {
      await server.close();
      await stop();
    };
    const service = {
      stdio,
      stop: () => {
        stopped ??= end();
        return stopped;
      },
    };
    this.undo.push(service.stop);
    return service;
  }

  private logger(): Logger {
    const line = (message: string, fields: LogFields = {}): void => void this.lines.push({ message, ...fields });
    const log: Logger = { debugEnabled: false, debug: line, info: line, warn: line, error: line, child: () => log };
    return log;
  }
}
