import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { ContainersDefinition } from '../../../generated/containerd/services/containers/v1/containers';
import { ContentDefinition } from '../../../generated/containerd/services/content/v1/content';
import { ImagesDefinition } from '../../../generated/containerd/services/images/v1/images';
import { IntrospectionDefinition } from '../../../generated/containerd/services/introspection/v1/introspection';
import { LeasesDefinition } from '../../../generated/containerd/services/leases/v1/leases';
import { NamespacesDefinition } from '../../../generated/containerd/services/namespaces/v1/namespace';
import { StoreDefinition } from '../../../generated/containerd/services/sandbox/v1/sandbox';
import { SnapshotsDefinition } from '../../../generated/containerd/services/snapshots/v1/snapshots';
import { TasksDefinition } from '../../../generated/containerd/services/tasks/v1/tasks';
import type { Containerd } from '../daemon/containerd';
import { DaemonClient } from './daemon-client';
import { contentOf, treeOf } from './print';

/** Everything containerd's API tells about namespace k8s.io, as decoded messages. */
export async function apiRecords(containerd: Containerd): Promise<Record<string, unknown>> {
  const client = new DaemonClient(containerd.address);
  try {
    const { containers } = await client.unary(ContainersDefinition.fullName, ContainersDefinition.methods.list, {
      filters: [],
    });
    const { tasks } = await client.unary(TasksDefinition.fullName, TasksDefinition.methods.list, { filter: '' });
    const { images } = await client.unary(ImagesDefinition.fullName, ImagesDefinition.methods.list, { filters: [] });
    const { leases } = await client.unary(LeasesDefinition.fullName, LeasesDefinition.methods.list, { filters: [] });
    const { namespaces } = await client.unary(NamespacesDefinition.fullName, NamespacesDefinition.methods.list, {
      filter: '',
    });
    const { plugins } = await client.unary(IntrospectionDefinition.fullName, IntrospectionDefinition.methods.plugins, {
      filters: [],
    });
    const content = await client.stream(ContentDefinition.fullName, ContentDefinition.methods.list, { filters: [] });
    const snapshots = await client.stream(SnapshotsDefinition.fullName, SnapshotsDefinition.methods.list, {
      snapshotter: 'overlayfs',
      filters: [],
    });
    return {
      containers,
      tasks,
      images,
      leases,
      namespaces,
      plugins: plugins.map(({ type, id, requires, capabilities, initErr }) => ({
        type,
        id,
        requires,
        capabilities,
        initErr,
      })),
      content: content.flatMap((part) => part.info),
      snapshots: snapshots.flatMap((part) => part.info),
      sandboxes: await sandboxes(client),
    };
  } finally {
    client.close();
  }
}

async function sandboxes(client: DaemonClient): Promise<unknown> {
  try {
    const { list } = await client.unary(StoreDefinition.fullName, StoreDefinition.methods.list, { filters: [] });
    return list;
  } catch {
    return 'UNIMPLEMENTED'; // 1.6 has no sandbox store
  }
}

/** Folders of the plugin and of the tasks' bundles: every path with its mode, and what the small files say. */
export function diskRecords(containerd: Containerd): Record<string, unknown> {
  const folders = {
    root: join(containerd.root, 'io.containerd.grpc.v1.cri'),
    state: join(containerd.state, 'io.containerd.grpc.v1.cri'),
    bundles: join(containerd.state, 'io.containerd.runtime.v2.task/k8s.io'),
  };
  return Object.fromEntries(
    Object.entries(folders)
      .filter(([, folder]) => existsSync(folder))
      .map(([name, folder]) => {
        const tree = treeOf(folder);
        const files = tree.filter((row) => row.type === 'file' && !row.mounted).map((row) => row.path);
        return [
          name,
          { tree, contents: Object.fromEntries(files.map((path) => [path, contentOf(join(folder, path))])) },
        ];
      }),
  );
}

/** What libcni keeps for these sandboxes in its default cache folder. */
export function cniCache(sandboxIds: readonly string[]): Record<string, string> {
  const folder = '/var/lib/cni/results';
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const ours = names.filter((name) => sandboxIds.some((id) => name.includes(id)));
  return Object.fromEntries(ours.map((name) => [name, contentOf(join(folder, name))]));
}
