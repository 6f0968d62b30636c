import { randomUUID } from 'node:crypto';
import type { Container } from '../../../generated/containerd/services/containers/v1/containers';
import type { Image } from '../../../generated/containerd/services/images/v1/images';
import type { DeprecationWarning, Plugin } from '../../../generated/containerd/services/introspection/v1/introspection';
import type { Info } from '../../../generated/containerd/services/snapshots/v1/snapshots';
import type { Envelope } from '../../../generated/containerd/types/event';
import type { Sandbox } from '../../../generated/containerd/types/sandbox';
import type { Any } from '../../../generated/google/protobuf/any';
import type { Timestamp } from '../../../generated/google/protobuf/timestamp';
import { Code } from '../../../src/rpc/code';
import { RpcError } from '../../../src/rpc/rpc-error';
import type { FakeProcess } from './fake-process';

export interface Blob {
  data: Buffer;
  labels: Record<string, string>;
  createdAt: Timestamp;
  updatedAt: Timestamp;
}

export interface Ingest {
  data: Buffer;
  total: bigint;
  expected: string;
  locked: boolean;
  startedAt: Timestamp;
  updatedAt: Timestamp;
}

export interface FakeLease {
  id: string;
  labels: Record<string, string>;
  createdAt: Timestamp;
  /** `<type> <id>` */
  resources: Set<string>;
}

export interface FakeTask {
  init: FakeProcess;
  execs: Map<string, FakeProcess>;
  rootfs: { type: string; source: string; target: string; options: string[] }[];
  options?: Any;
  runtimePath: string;
  resources: Any[];
}

/** What one of containerd's namespaces has. */
export class NamespaceState {
  readonly containers = new Map<string, Container>();
  readonly tasks = new Map<string, FakeTask>();
  /** By `<snapshotter> <key>`. */
  readonly snapshots = new Map<string, Info>();
  readonly blobs = new Map<string, Blob>();
  readonly ingests = new Map<string, Ingest>();
  readonly images = new Map<string, Image>();
  readonly leases = new Map<string, FakeLease>();
  readonly sandboxes = new Map<string, Sandbox>();
  readonly labels: Record<string, string> = {};

  constructor(readonly name: string) {}
}

/** Everything that the fake daemon has; it outlives a restart of its server. */
export class World {
  readonly namespaces = new Map<string, NamespaceState>();
  readonly madeNamespaces = new Set<string>();
  /** The answer of tasks.Metrics by container id; without one, empty cgroup v2 metrics. */
  readonly metrics = new Map<string, Any>();
  /** What a snapshot takes, by its key; without an entry, 4096 bytes and one inode. */
  readonly snapshotUsage = new Map<string, { size: bigint; inodes: bigint }>();
  /** Diff ids of layers that snapshotters have a cache of: what they prepare for one is read-only, and only to be committed. */
  readonly stagedLayers = new Set<string>();
  readonly plugins: Plugin[] = [];
  readonly uuid = randomUUID();
  /** What introspection says will go away. */
  deprecations: DeprecationWarning[] = [];
  version = { version: 'v1.7.99', revision: 'fake' };
  /** What introspection answers about the runtime; without one the question is UNIMPLEMENTED. */
  pluginInfo?: Any;
  /** What a process does when it is started. */
  onStart: (process: FakeProcess) => void = (process) => {
    if (process.execId !== '') process.exit(0);
  };
  private readonly subscribers = new Set<(envelope: Envelope) => void>();
  private readonly watchers = new Set<() => void>();
  private lastNanos = 0n;
  private lastPid = 40_000;

  constructor(readonly dir: string) {}

  namespace(name: string): NamespaceState {
    const state = this.namespaces.get(name) ?? new NamespaceState(name);
    this.namespaces.set(name, state);
    return state;
  }

  /** The time; no two calls answer the same. */
  now(): Timestamp {
    const nanos = BigInt(Date.now()) * 1_000_000n;
    this.lastNanos = nanos > this.lastNanos ? nanos : this.lastNanos + 1n;
    return { seconds: this.lastNanos / 1_000_000_000n, nanos: Number(this.lastNanos % 1_000_000_000n) };
  }

  newPid(): number {
    this.lastPid += 1;
    return this.lastPid;
  }

  publish(namespace: string, topic: string, event: Any): void {
    const envelope = { timestamp: this.now(), namespace, topic, event };
    for (const deliver of this.subscribers) deliver(envelope);
  }

  /** Calls `deliver` for every event until the answer is called. */
  subscribe(deliver: (envelope: Envelope) => void): () => void {
    this.subscribers.add(deliver);
    for (const look of [...this.watchers]) look();
    return () => this.subscribers.delete(deliver);
  }

  /** Resolves when at least this many listen for events: what is published before is not heard. */
  subscribed(count = 1): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.subscribers.size < count) return;
        this.watchers.delete(look);
        resolve();
      };
      this.watchers.add(look);
      look();
    });
  }
}

export function notFound(what: string): RpcError {
  return new RpcError(Code.NOT_FOUND, `${what}: not found`);
}

export function alreadyExists(what: string): RpcError {
  return new RpcError(Code.ALREADY_EXISTS, `${what}: already exists`);
}

export function failedPrecondition(what: string): RpcError {
  return new RpcError(Code.FAILED_PRECONDITION, `${what}: failed precondition`);
}

export function invalidArgument(what: string): RpcError {
  return new RpcError(Code.INVALID_ARGUMENT, `${what}: invalid argument`);
}

/** The value of a key that must be there. */
export function must<T>(map: ReadonlyMap<string, T>, key: string, kind: string): T {
  const value = map.get(key);
  if (value === undefined) throw notFound(`${kind} "${key}"`);
  return value;
}
