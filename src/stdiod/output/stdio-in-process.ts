import { BytePool } from '../../base/byte-pool';
import type { Logger } from '../../base/logger';
import type { Metrics } from '../../base/metrics';
import { createOutputBuffer } from '../../stdio/cri-log';
import { createReadBuffer } from '../../stdio/fifo';
import type { WriteSync } from '../../stdio/log-file';
import { StdioError } from '../../stdio/stdio-error';
import type {
  AttachEnd,
  Attachment,
  AttachOptions,
  DrainOptions,
  StdioService,
  StdioSpec,
} from '../../stdio/stdio-service';
import { ATTACH_BACKLOG_BYTES } from './attach-clients';
import { ContainerIo, type ContainerIoDeps } from './container-io';

export interface StdioInProcessOptions {
  log: Logger;
  metrics: Metrics;
  /** Wall clock in nanoseconds since 1970; for tests. */
  now?: () => bigint;
  /** Writes to log files; for tests. */
  write?: WriteSync;
}

/**
 * The StdioService that copies on this process's own event loop, by nothing but what Node offers: for machines on which
 * koffi does not load. Output is taken from the pipes before it is in the log, so a kill may lose an unfinished line.
 */
export class StdioInProcess implements StdioService {
  private readonly containers = new Map<string, ContainerIo>();
  private readonly deps: ContainerIoDeps;

  constructor(options: StdioInProcessOptions) {
    const backlog = new BytePool(ATTACH_BACKLOG_BYTES);
    this.deps = { ...options, readBuffer: createReadBuffer(), outputBuffer: createOutputBuffer(), backlog };
  }

  async open(spec: StdioSpec): Promise<void> {
    if (this.containers.has(spec.id)) return;
    this.containers.set(spec.id, new ContainerIo(spec, this.deps));
  }

  async reopen(id: string, logPath: string): Promise<void> {
    const io = this.find(id);
    if (logPath) io.reopen(logPath);
  }

  async attach(id: string, options: AttachOptions): Promise<Attachment> {
    return this.find(id).attach(options);
  }

  async drain(id: string, options: DrainOptions): Promise<boolean> {
    const io = this.containers.get(id);
    if (!io) return true;
    await io.drain(options.timeoutMs);
    this.forget(id, io);
    return true;
  }

  async close(id: string): Promise<void> {
    this.release(id, 'detached');
  }

  async list(): Promise<string[]> {
    return [...this.containers.keys()];
  }

  async leave(): Promise<void> {
    for (const id of [...this.containers.keys()]) this.release(id, 'detached');
  }

  private release(id: string, reason: AttachEnd): void {
    const io = this.containers.get(id);
    if (!io) return;
    io.close(reason);
    this.forget(id, io);
  }

  /** The id may have been opened anew while a drain of its former self was going on. */
  private forget(id: string, io: ContainerIo): void {
    if (this.containers.get(id) === io) this.containers.delete(id);
  }

  private find(id: string): ContainerIo {
    const io = this.containers.get(id);
    if (!io) throw new StdioError('NOT_OPEN', `the stdio of container "${id}" is not open`);
    return io;
  }
}
