import type { Logger } from '../base/logger';
import { type Metrics, noMetrics } from '../base/metrics';
import { type Channel, type Client, createChannel, createClient, type OutgoingOptions } from '../rpc/client';
import { codeName } from '../rpc/code';
import type { ServiceDefinition } from '../rpc/service';
import { ContainerdError, toContainerdError } from './errors';

export interface CallOptions {
  /** Gives the call up; what it started in the daemon may still happen. */
  readonly signal?: AbortSignal;
  /** In milliseconds; 0: no deadline; absent: the connection's default. */
  readonly timeoutMs?: number;
  /** What the call makes is kept from garbage collection by this lease. */
  readonly lease?: string;
}

export interface ConnectionOptions {
  /** Path of the daemon's socket, with or without `unix://`. */
  readonly address: string;
  /** containerd's namespace; `k8s.io` for Kubernetes. */
  readonly namespace: string;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** Deadline of a call that names none, in milliseconds; 0: none. */
  readonly defaultTimeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;

type AnyMethod = (...args: unknown[]) => unknown;

/** One connection to containerd with what every call over it carries: namespace, lease, deadline. */
export class Connection {
  private readonly channel: Channel;
  private readonly metrics: Metrics;
  private readonly defaultTimeoutMs: number;

  constructor(private readonly options: ConnectionOptions) {
    this.channel = createChannel(options.address);
    this.metrics = options.metrics ?? noMetrics;
    this.defaultTimeoutMs = options.defaultTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  /** A client of one service. Its calls reject with ContainerdError or the reason of their signal. */
  service<D extends ServiceDefinition>(definition: D): Client<D> {
    const metadata = { 'containerd-namespace': this.options.namespace };
    const client = createClient(definition, this.channel, { metadata, onError: toContainerdError });
    const timed: Record<string, unknown> = { ...client };
    for (const [key, { name, requestStream, responseStream }] of Object.entries(definition.methods)) {
      if (requestStream || responseStream) continue;
      const method = timed[key] as AnyMethod;
      timed[key] = (...args: unknown[]) =>
        this.timed(`${definition.name}/${name}`, method(...args) as Promise<unknown>);
    }
    return timed as Client<D>;
  }

  /** How a call is made: with the default deadline unless its caller chose one. */
  call(options: CallOptions = {}): OutgoingOptions {
    return { ...this.stream(options), timeoutMs: options.timeoutMs ?? this.defaultTimeoutMs };
  }

  /** How a call of unknown length is made: without a deadline unless its caller chose one. */
  stream({ signal, timeoutMs, lease }: CallOptions = {}): OutgoingOptions {
    return { signal, timeoutMs, ...(lease ? { metadata: { 'containerd-lease': lease } } : {}) };
  }

  /** Ends the connection; calls under way fail. */
  close(): void {
    this.channel.close();
  }

  private async timed(method: string, outcome: Promise<unknown>): Promise<unknown> {
    const startedAt = process.hrtime.bigint();
    let code = 'OK';
    try {
      return await outcome;
    } catch (error) {
      code = error instanceof ContainerdError ? codeName(error.code) : 'CANCELLED';
      throw error;
    } finally {
      const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
      this.metrics.count('crisp_containerd_calls_total', { method, code });
      this.metrics.time('crisp_containerd_call_seconds', seconds, { method });
      if (this.options.log.debugEnabled) {
        this.options.log.debug('called containerd', { method, code, ms: Math.round(seconds * 1e6) / 1000 });
      }
    }
  }
}
