import type { Logger } from '../base/logger';
import { type Metrics, noMetrics } from '../base/metrics';
import { isOnlyLimit } from '../base/wait/deadline';
import { type Channel, type Client, createChannel, createClient, type OutgoingOptions } from '../rpc/client/client';
import { codeName } from '../rpc/code';
import type { ServiceDefinition } from '../rpc/service';
import { ContainerdError, toContainerdError } from './errors';

export interface CallOptions {
  /**
   * Gives the call up; what it started in the daemon may still happen. A call that makes something is not given up once it
   * is under way (`Connection.creating`).
   */
  readonly signal?: AbortSignal;
  /** In milliseconds; 0: no deadline; absent: the connection's default. */
  readonly timeoutMs?: number;
  /** What the call makes is kept from garbage collection by this lease. */
  readonly lease?: string;
  /** Another namespace of containerd than the connection's. */
  readonly namespace?: string;
}

/** How something is made. */
export interface CreateOptions extends CallOptions {
  /** The signal ends the call also while it is under way: what it makes cannot outlive its lease, and that is deleted next. */
  readonly cutOff?: boolean;
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
const NAMESPACE = 'containerd-namespace';

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
    const metadata = { [NAMESPACE]: this.options.namespace };
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

  /** How a call is made: with the default deadline, unless its caller chose one or its signal is its only limit. */
  call(options: CallOptions = {}): OutgoingOptions {
    const otherwise = isOnlyLimit(options.signal) ? 0 : this.defaultTimeoutMs;
    return { ...this.stream(options), timeoutMs: options.timeoutMs ?? otherwise };
  }

  /**
   * How a call that makes something is made. A signal that has fired keeps it from being made; one that fires while it is
   * under way does not end it, its deadline does. A handler of containerd whose client has gone may still commit, so that a
   * deletion that goes out at once comes before it, and what was made stays.
   */
  creating({ cutOff, ...options }: CreateOptions = {}): OutgoingOptions {
    options.signal?.throwIfAborted();
    return this.call(cutOff ? options : { ...options, signal: undefined });
  }

  /** How a call of unknown length is made: without a deadline unless its caller chose one. */
  stream({ signal, timeoutMs, lease, namespace }: CallOptions = {}): OutgoingOptions {
    const metadata = {
      ...(lease && { 'containerd-lease': lease }),
      ...(namespace && { [NAMESPACE]: namespace }),
    };
    return { signal, timeoutMs, ...(Object.keys(metadata).length > 0 && { metadata }) };
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
