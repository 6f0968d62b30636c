import { Connection, type ConnectionOptions } from './connection';
import { Containers } from './containers';
import { Content } from './content';
import { Diff } from './diff';
import { Events } from './events';
import { Images } from './images';
import { Introspection } from './introspection';
import { Leases } from './leases';
import { Namespaces } from './namespaces';
import { SandboxStore } from './sandbox-store';
import { Snapshots } from './snapshots';
import { Tasks } from './tasks';
import { Version } from './version';

export type { CallOptions } from './connection';

/** containerd, one member per service. Connects on the first call and again after each break; `close` ends it. */
export class ContainerdClient {
  readonly containers: Containers;
  readonly tasks: Tasks;
  readonly snapshots: Snapshots;
  readonly content: Content;
  readonly diff: Diff;
  readonly images: Images;
  readonly leases: Leases;
  readonly namespaces: Namespaces;
  readonly events: Events;
  readonly introspection: Introspection;
  readonly version: Version;
  readonly sandboxStore: SandboxStore;
  private readonly connection: Connection;

  /** `syncUnpacked`: an unpacked layer is on the disk when it is answered (2.x; older daemons do not look at it). */
  constructor(options: ConnectionOptions & { readonly syncUnpacked?: boolean }) {
    const connection = new Connection(options);
    this.connection = connection;
    this.containers = new Containers(connection);
    this.tasks = new Tasks(connection);
    this.snapshots = new Snapshots(connection);
    this.content = new Content(connection);
    this.diff = new Diff(connection, options.syncUnpacked);
    this.images = new Images(connection);
    this.leases = new Leases(connection);
    this.namespaces = new Namespaces(connection);
    this.events = new Events(connection);
    this.introspection = new Introspection(connection);
    this.version = new Version(connection);
    this.sandboxStore = new SandboxStore(connection);
  }

  /** Ends the connection; calls under way fail with UNAVAILABLE or CANCELLED. */
  close(): void {
    this.connection.close();
  }
}
