import { BytePool } from '../../base/byte-pool';
import type { Logger } from '../../base/logger';
import type { Metrics } from '../../base/metrics';
import type { OutputStream } from '../../stdio/cri-log';
import { endedOrLate } from '../../stdio/ended-or-late';
import { StdinFifo } from '../../stdio/stdin-fifo';
import { StdioError } from '../../stdio/stdio-error';
import type {
  AttachEnd,
  Attachment,
  AttachOptions,
  CopyingStdio,
  DrainOptions,
  StdioSpec,
} from '../../stdio/stdio-service';
import type { EnginePort, Told } from '../engine/worker-port';
import { ATTACH_BACKLOG_BYTES, AttachClients } from './attach-clients';

/** How long a thread may take to close a container before the caller goes on without it. */
const CLOSE_MS = 5000;
/** The same when all are let go: what is not closed then ends with the process. */
const LEAVE_MS = 1500;

export interface StdioThreadedOptions {
  readonly log: Logger;
  readonly metrics: Metrics;
}

/**
 * The StdioService that leaves copying to other threads (see EngineLanes): output goes from pipe to log there, and here is
 * everything that has clients: stdin, and attached clients. Nothing here waits for the disk of a log for long, but an
 * `open` or `reopen` of that log.
 */
export class StdioThreaded implements CopyingStdio {
  private readonly containers = new Map<string, OpenContainer>();
  private readonly backlog = new BytePool(ATTACH_BACKLOG_BYTES);
  private engine: EnginePort | undefined;

  constructor(private readonly options: StdioThreadedOptions) {}

  /** To be called once, before anything else: the way to the thread, whose events go to `heard`. */
  connect(engine: EnginePort): void {
    this.engine = engine;
  }

  /** What the thread tells. */
  heard(event: Told): void {
    switch (event.kind) {
      case 'data':
        this.containers.get(event.id)?.clients.broadcast(event.stream, Buffer.from(event.chunk.buffer));
        return;
      case 'overrun':
        this.containers.get(event.id)?.clients.drop();
        return;
      case 'ended':
        this.containers.get(event.id)?.streamEnded(event.stream);
        return;
      case 'count':
        this.options.metrics.count(event.name, event.labels, event.by);
        return;
      case 'log':
        this.options.log[event.level](event.message, event.fields);
    }
  }

  async open(spec: StdioSpec): Promise<void> {
    const closing = this.containers.get(spec.id)?.closing;
    if (closing) await closing;
    const known = this.containers.get(spec.id);
    if (known) return known.opened;
    const { id, stdout, stderr, logPath, maxLineBytes } = spec;
    const opened = this.port().send({ kind: 'open', spec: { id, stdout, stderr, logPath, maxLineBytes } });
    const onIdle = (): void => this.listenNoMore(container);
    const container = new OpenContainer(spec, opened, new AttachClients(this.options.metrics, this.backlog, onIdle));
    this.containers.set(id, container);
    await opened.catch((error: unknown) => {
      this.forget(id, container);
      throw error;
    });
  }

  async reopen(id: string, logPath: string): Promise<void> {
    this.find(id);
    if (logPath) await this.port().send({ kind: 'reopen', id, logPath });
  }

  async attach(id: string, options: AttachOptions): Promise<Attachment> {
    const container = this.find(id);
    container.attaching++;
    try {
      if (container.clients.size === 0) await this.listen(id, true);
      return container.clients.add(options, container.stdin);
    } finally {
      container.attaching--;
      this.listenNoMore(container);
    }
  }

  async drain(id: string, options: DrainOptions): Promise<boolean> {
    const container = this.containers.get(id);
    if (!container) return true;
    await endedOrLate(container.outputsEnded, options.timeoutMs);
    return this.finish(container, 'ended', CLOSE_MS);
  }

  async close(id: string): Promise<void> {
    const container = this.containers.get(id);
    if (container) await this.finish(container, 'detached', CLOSE_MS);
  }

  async closed(id: string): Promise<void> {
    await this.containers.get(id)?.closing;
  }

  async list(): Promise<string[]> {
    return [...this.containers.keys()];
  }

  async leave(): Promise<void> {
    await Promise.all([...this.containers.values()].map((each) => this.finish(each, 'detached', LEAVE_MS)));
  }

  /** Copies nothing until told to go on; what is printed waits in its pipe. */
  async pause(on: boolean): Promise<void> {
    await this.port().send({ kind: 'pause', on });
  }

  /** False when it takes longer; it goes on all the same. */
  private async finish(container: OpenContainer, reason: AttachEnd, withinMs: number): Promise<boolean> {
    const { id, logPath: path } = container.spec;
    if (this.containers.get(id) !== container) return true;
    container.closing ??= this.letGo(container, reason);
    if (await endedOrLate(container.closing, withinMs)) return true;
    this.options.log.warn('a container log cannot be closed yet, its disk does not answer', { id, path });
    return false;
  }

  private async letGo(container: OpenContainer, reason: AttachEnd): Promise<void> {
    const { id } = container.spec;
    await this.port().send({ kind: reason === 'ended' ? 'finish' : 'release', id });
    this.forget(id, container);
    container.close(reason);
  }

  /** The thread copies for us only what somebody wants. */
  private listen(id: string, on: boolean): Promise<void> {
    return this.port().send({ kind: 'listen', id, on });
  }

  /** Unless somebody is attached, or about to be: the last one may leave while the next waits to be heard. */
  private listenNoMore({ clients, attaching, spec }: OpenContainer): void {
    if (clients.size === 0 && attaching === 0) void this.listen(spec.id, false).catch(() => undefined);
  }

  /** The id may have been opened anew meanwhile. */
  private forget(id: string, container: OpenContainer): void {
    if (this.containers.get(id) === container) this.containers.delete(id);
  }

  private port(): EnginePort {
    if (!this.engine) throw new StdioError('UNAVAILABLE', 'the stdio of containers is not served yet');
    return this.engine;
  }

  private find(id: string): OpenContainer {
    const container = this.containers.get(id);
    if (!container) throw new StdioError('NOT_OPEN', `the stdio of container "${id}" is not open`);
    return container;
  }
}

class OpenContainer {
  readonly stdin: StdinFifo | undefined;
  readonly outputsEnded: Promise<void>;
  /** How many clients wait for the thread to copy for them. */
  attaching = 0;
  /** Resolves when it is not open any more. */
  closing: Promise<void> | undefined;
  private readonly going: Set<OutputStream>;
  private tellEnded: () => void = () => undefined;

  constructor(
    readonly spec: StdioSpec,
    readonly opened: Promise<void>,
    readonly clients: AttachClients,
  ) {
    this.stdin = spec.stdin ? new StdinFifo(spec.stdin) : undefined;
    const both = ['stdout', 'stderr'] as const;
    this.going = new Set(both.filter((stream) => spec[stream]));
    this.outputsEnded = new Promise((resolve) => {
      this.tellEnded = resolve;
    });
    for (const stream of both.filter((each) => !this.going.has(each))) this.clients.end(stream);
    if (this.going.size === 0) this.tellEnded();
  }

  streamEnded(stream: OutputStream): void {
    this.going.delete(stream);
    this.clients.end(stream);
    if (this.going.size === 0) this.tellEnded();
  }

  close(reason: AttachEnd): void {
    this.stdin?.close();
    if (reason === 'ended') {
      for (const stream of ['stdout', 'stderr'] as const) this.clients.end(stream);
    } else {
      this.clients.finish(reason);
    }
    this.tellEnded();
  }
}
