import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainersDefinition } from '../../generated/containerd/services/containers/v1/containers';
import { ContentDefinition } from '../../generated/containerd/services/content/v1/content';
import { DiffDefinition } from '../../generated/containerd/services/diff/v1/diff';
import { EventsDefinition } from '../../generated/containerd/services/events/v1/events';
import { ImagesDefinition } from '../../generated/containerd/services/images/v1/images';
import { IntrospectionDefinition } from '../../generated/containerd/services/introspection/v1/introspection';
import { LeasesDefinition } from '../../generated/containerd/services/leases/v1/leases';
import { NamespacesDefinition } from '../../generated/containerd/services/namespaces/v1/namespace';
import { StoreDefinition } from '../../generated/containerd/services/sandbox/v1/sandbox';
import { Kind, SnapshotsDefinition } from '../../generated/containerd/services/snapshots/v1/snapshots';
import { TasksDefinition } from '../../generated/containerd/services/tasks/v1/tasks';
import { VersionDefinition } from '../../generated/containerd/services/version/v1/version';
import { errorMessage } from '../../src/base/errors';
import { silentLogger } from '../../src/base/logger';
import { noMetrics } from '../../src/base/metrics';
import { Code } from '../../src/rpc/code';
import { RpcError } from '../../src/rpc/rpc-error';
import { RpcServer } from '../../src/rpc/server/server';
import { contentRows, diffRows } from './fake/content-rows';
import { eventRows, introspectionRows, plugin, versionRows } from './fake/daemon-rows';
import { Failpoints, type Failure } from './fake/failpoints';
import type { FakeProcess } from './fake/fake-process';
import { containerRows, imageRows, leaseRows, namespaceRows, sandboxRows } from './fake/records';
import { type Recorder, served } from './fake/rows';
import { snapshotRows } from './fake/snapshot-rows';
import { processOf, taskRows } from './fake/task-rows';
import { type NamespaceState, World } from './fake/world';

export interface FakeOptions {
  /** Serve sandbox records and say so, as 2.x does. */
  sandboxStore?: boolean;
  /** The release it claims to be; 2.1 with a sandbox store, else 1.7. */
  version?: string;
  /** The namespace that `process`, `leftovers` and `state` look at; default: `k8s.io`. */
  namespace?: string;
}

/**
 * containerd in memory, behind a real gRPC server on a unix socket. Tasks run until they are killed or told to exit; an
 * exec ends with 0 at once unless `world.onStart` says otherwise. Garbage is collected right after every deletion.
 */
export class FakeContainerd {
  readonly dir = mkdtempSync(join(tmpdir(), 'fake-containerd-'));
  /** What a client dials. */
  readonly address = join(this.dir, 'c.sock');
  readonly world = new World(this.dir);
  /** Every call in order, `package.Service/Method`. */
  readonly calls: string[] = [];
  private readonly failpoints = new Failpoints();
  private readonly namespace: string;
  private server: RpcServer;

  private constructor(private readonly options: FakeOptions) {
    this.namespace = options.namespace ?? 'k8s.io';
    this.world.version.version = options.version ?? (options.sandboxStore ? 'v2.1.99' : 'v1.7.99');
    const root = join(this.dir, 'snapshots', 'overlayfs');
    this.world.plugins.push(plugin({ type: 'io.containerd.snapshotter.v1', id: 'overlayfs', exports: { root } }));
    if (options.sandboxStore) this.world.plugins.push(plugin({ type: 'io.containerd.grpc.v1', id: 'sandboxes' }));
    this.server = this.makeServer();
  }

  /** A daemon that listens. Stop it after the test. */
  static async start(options: FakeOptions = {}): Promise<FakeContainerd> {
    const fake = new FakeContainerd(options);
    await fake.server.listen(fake.address);
    return fake;
  }

  /** Ends the server and takes its directory away. */
  async stop(): Promise<void> {
    for (const ns of this.world.namespaces.values()) for (const task of ns.tasks.values()) task.init.exit(137);
    await this.server.stop({ graceMs: 0 });
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Breaks every connection and listens again with everything it had. */
  async restart(): Promise<void> {
    await this.server.stop({ graceMs: 0 });
    this.server = this.makeServer();
    await this.server.listen(this.address);
  }

  /** Has a call fail: `method` is `package.Service/Method`, or its end from the service on (`Tasks/Create`). */
  fail(method: string, failure: Failure): void {
    this.failpoints.add(method, failure);
  }

  /** No call fails any more. */
  heal(): void {
    this.failpoints.clear();
  }

  /** What the namespace has. */
  get state(): NamespaceState {
    return this.world.namespace(this.namespace);
  }

  /** A process, to be written from or ended. Throws when there is none. */
  process(containerId: string, execId = ''): FakeProcess {
    return processOf(this.state, containerId, execId);
  }

  /** What pods have left behind, by kind; kinds without any are absent, so nothing left is `{}`. */
  leftovers(): Record<string, string[]> {
    const { containers, tasks, snapshots, leases, ingests, sandboxes } = this.state;
    const active = [...snapshots].filter(([, { kind }]) => kind !== Kind.COMMITTED).map(([key]) => key);
    const all: Record<string, string[]> = {
      containers: [...containers.keys()],
      tasks: [...tasks.keys()],
      execs: [...tasks].flatMap(([id, { execs }]) => [...execs.keys()].map((execId) => `${id} ${execId}`)),
      snapshots: active,
      leases: [...leases.keys()],
      ingests: [...ingests.keys()],
      sandboxes: [...sandboxes.keys()],
    };
    return Object.fromEntries(
      Object.entries(all)
        .filter(([, items]) => items.length > 0)
        .map(([kind, items]) => [kind, items.sort()]),
    );
  }

  private makeServer(): RpcServer {
    const server = new RpcServer({ log: silentLogger, metrics: noMetrics, toStatus });
    const { world } = this;
    const recorder: Recorder = { world, failpoints: this.failpoints, calls: this.calls };
    const plain = { namespaced: false };
    server.addService(ContainersDefinition, served(recorder, ContainersDefinition, containerRows(world)));
    server.addService(TasksDefinition, served(recorder, TasksDefinition, taskRows(world)));
    server.addService(SnapshotsDefinition, served(recorder, SnapshotsDefinition, snapshotRows(world)));
    server.addService(ContentDefinition, served(recorder, ContentDefinition, contentRows(world)));
    server.addService(DiffDefinition, served(recorder, DiffDefinition, diffRows(world)));
    server.addService(ImagesDefinition, served(recorder, ImagesDefinition, imageRows(world)));
    server.addService(LeasesDefinition, served(recorder, LeasesDefinition, leaseRows(world)));
    server.addService(NamespacesDefinition, served(recorder, NamespacesDefinition, namespaceRows(world), plain));
    server.addService(EventsDefinition, served(recorder, EventsDefinition, eventRows(world)));
    server.addService(
      IntrospectionDefinition,
      served(recorder, IntrospectionDefinition, introspectionRows(world), plain),
    );
    server.addService(VersionDefinition, served(recorder, VersionDefinition, versionRows(world), plain));
    if (this.options.sandboxStore) {
      server.addService(StoreDefinition, served(recorder, StoreDefinition, sandboxRows(world)));
    }
    return server;
  }
}

function toStatus(thrown: unknown): { code: Code; message: string } {
  if (thrown instanceof RpcError) return { code: thrown.code, message: thrown.message };
  return { code: Code.UNKNOWN, message: errorMessage(thrown) };
}
