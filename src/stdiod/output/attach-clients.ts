import type { BytePool, PoolMember } from '../../base/byte-pool';
import type { Metrics } from '../../base/metrics';
import type { OutputStream } from '../../stdio/cri-log';
import { OutputClient } from '../../stdio/output-client';
import type { StdinFifo } from '../../stdio/stdin-fifo';
import { pumpStdin } from '../../stdio/stdin-pump';
import type { AttachEnd, Attachment, AttachOptions } from '../../stdio/stdio-service';

/**
 * How many bytes attach clients may leave unread: `each` of one output, `ofOwner` those of one container, `all` together. A client
 * that leaves more is too slow and is dropped. One that leaves no more than `own` stays, whatever the others do.
 */
export const ATTACH_BACKLOG_BYTES = {
  all: 64 * 1024 * 1024,
  ofOwner: 32 * 1024 * 1024,
  each: 1024 * 1024,
  own: 64 * 1024,
} as const;

/**
 * Everybody attached to one container. A client joins the stream where it is (nothing is replayed), gets every byte
 * from there on, and can neither slow down the log nor the others. Whoever is gone is forgotten at once.
 */
export class AttachClients {
  private readonly clients = new Set<AttachClient>();
  private readonly over = new Set<OutputStream>();

  /** `backlog`: see ATTACH_BACKLOG_BYTES, one for all containers. `onIdle` is called when the last client has left. */
  constructor(
    private readonly metrics: Metrics,
    private readonly backlog: BytePool,
    private readonly onIdle: () => void = () => undefined,
  ) {}

  get size(): number {
    return this.clients.size;
  }

  /** Adds a client. */
  add(options: AttachOptions, stdin: StdinFifo | undefined): Attachment {
    const share = (): PoolMember => this.backlog.join(undefined, this);
    const client = new AttachClient({ options, stdin, share }, (end) => {
      this.clients.delete(client);
      this.metrics.count('crisp_attach_ended_total', { reason: end });
      if (this.clients.size === 0) this.onIdle();
    });
    this.clients.add(client);
    client.start();
    this.tellOver(client);
    return { done: client.done, detach: () => client.finish('detached') };
  }

  /** Gives a chunk to whoever wants it. It is copied once for all, and not at all when nobody does. */
  broadcast(stream: OutputStream, chunk: Buffer): void {
    let copy: Buffer | undefined;
    for (const client of this.clients) {
      if (!client.wants(stream)) continue;
      copy ??= Buffer.from(chunk);
      client.write(stream, copy);
    }
  }

  /** The container's stream is over: clients end when their last one is, once they have taken everything. */
  end(stream: OutputStream): void {
    this.over.add(stream);
    for (const client of [...this.clients]) this.tellOver(client);
  }

  /** Detaches everybody. */
  finish(reason: AttachEnd): void {
    for (const client of [...this.clients]) client.finish(reason);
  }

  /** Drops everybody: output was lost for them, since all of them together took it too slowly. */
  drop(): void {
    for (const client of [...this.clients]) client.tooSlow();
  }

  private tellOver(client: AttachClient): void {
    for (const stream of this.over) client.end(stream);
    if (this.over.size === 2) client.endUnlessOutputs();
  }
}

class AttachClient {
  readonly done: Promise<AttachEnd>;
  private readonly options: AttachOptions;
  private readonly stdin: StdinFifo | undefined;
  private readonly outputs = new Map<OutputStream, OutputClient>();
  private stopStdin: (() => void) | undefined;
  private resolve: (end: AttachEnd) => void = () => undefined;
  private ended = false;

  constructor(
    { options, stdin, share }: { options: AttachOptions; stdin: StdinFifo | undefined; share: () => PoolMember },
    private readonly onFinish: (end: AttachEnd) => void,
  ) {
    this.options = options;
    this.stdin = stdin;
    this.done = new Promise((resolve) => {
      this.resolve = resolve;
    });
    for (const stream of ['stdout', 'stderr'] as const) {
      const to = options[stream];
      if (!to) continue;
      const client = new OutputClient(
        to,
        { bytes: ATTACH_BACKLOG_BYTES.each, share: share() },
        {
          onGone: () => this.outputOver(stream, 'gone'),
          onFlushed: () => this.outputOver(stream, 'ended'),
          onSlow: () => this.tooSlow(),
        },
      );
      this.outputs.set(stream, client);
    }
  }

  /** Begins to carry stdin. */
  start(): void {
    if (!this.options.stdin) return;
    this.stopStdin = pumpStdin(this.options.stdin, this.stdin, {
      onEnd: () => void this.stdinEnded(),
      onGone: () => this.stdinOver('gone'),
    });
  }

  wants(stream: OutputStream): boolean {
    return this.outputs.has(stream);
  }

  write(stream: OutputStream, chunk: Buffer): void {
    this.outputs.get(stream)?.write(chunk);
  }

  end(stream: OutputStream): void {
    this.outputs.get(stream)?.end();
  }

  /** A client that only sends stdin ends with the container. */
  endUnlessOutputs(): void {
    if (this.outputs.size === 0) this.finish('ended');
  }

  finish(reason: AttachEnd): void {
    if (this.ended) return;
    this.ended = true;
    this.stopStdin?.();
    for (const output of this.outputs.values()) output.release();
    this.outputs.clear();
    this.onFinish(reason);
    this.resolve(reason);
    this.options.onClose?.(reason);
  }

  /** It loses its streams. */
  tooSlow(): void {
    for (const output of this.outputs.values()) output.destroy('the client is too slow');
    this.finish('slow');
  }

  private outputOver(stream: OutputStream, why: AttachEnd): void {
    this.outputs.delete(stream);
    if (this.outputs.size === 0) this.finish(why);
  }

  private async stdinEnded(): Promise<void> {
    if (this.options.closeStdinAtEnd) {
      await this.stdin?.hasReader();
      this.stdin?.close();
    }
    this.stdinOver('ended');
  }

  private stdinOver(why: AttachEnd): void {
    this.stopStdin = undefined;
    if (why === 'ended') this.options.onStdinEnd?.();
    if (this.outputs.size === 0) this.finish(why);
  }
}
