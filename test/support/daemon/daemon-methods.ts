import { ContainersDefinition } from '../../../generated/containerd/services/containers/v1/containers';
import { ContentDefinition } from '../../../generated/containerd/services/content/v1/content';
import { DiffDefinition } from '../../../generated/containerd/services/diff/v1/diff';
import { EventsDefinition } from '../../../generated/containerd/services/events/v1/events';
import { ImagesDefinition } from '../../../generated/containerd/services/images/v1/images';
import { IntrospectionDefinition } from '../../../generated/containerd/services/introspection/v1/introspection';
import { LeasesDefinition } from '../../../generated/containerd/services/leases/v1/leases';
import { NamespacesDefinition } from '../../../generated/containerd/services/namespaces/v1/namespace';
import { StoreDefinition } from '../../../generated/containerd/services/sandbox/v1/sandbox';
import { SnapshotsDefinition } from '../../../generated/containerd/services/snapshots/v1/snapshots';
import { TasksDefinition } from '../../../generated/containerd/services/tasks/v1/tasks';
import { VersionDefinition } from '../../../generated/containerd/services/version/v1/version';

/** A message as plain values, whatever its type. */
export type Message = Record<string, unknown>;

interface Codec {
  decode(bytes: Uint8Array): Message;
  encode(message: Message): { finish(): Uint8Array };
}

/** What the protocol says about one method. */
export interface DaemonMethod {
  readonly requestType: Codec;
  readonly requestStream: boolean;
  readonly responseType: Codec;
  readonly responseStream: boolean;
}

const DEFINITIONS = [
  ContainersDefinition,
  ContentDefinition,
  DiffDefinition,
  EventsDefinition,
  ImagesDefinition,
  IntrospectionDefinition,
  LeasesDefinition,
  NamespacesDefinition,
  StoreDefinition,
  SnapshotsDefinition,
  TasksDefinition,
  VersionDefinition,
];

/** Every method of containerd's services that crisp knows, by its path `package.Service/Method`. */
export const DAEMON_METHODS: ReadonlyMap<string, DaemonMethod> = new Map(
  DEFINITIONS.flatMap(({ fullName, methods }) =>
    Object.values(methods).map((method): [string, DaemonMethod] => [
      `${fullName}/${method.name}`,
      method as unknown as DaemonMethod,
    ]),
  ),
);
