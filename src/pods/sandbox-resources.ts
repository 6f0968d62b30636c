import type { SandboxRecord } from '../containerd/sandbox-store';
import type { UpdatedResources } from '../state/updated-resources';
import {
  parseUpdatedResources,
  UPDATED_RESOURCES_EXTENSION,
  updatedResourcesExtension,
} from '../state/updated-resources';
import type { LifecycleDeps } from '../tasks/deps';

type Deps = Pick<LifecycleDeps, 'containerd' | 'daemon' | 'sandboxes'>;

/**
 * Keeps what kubelet says of a pod's resources over a restart: in our journal, and on 2.x in the daemon's sandbox store
 * too, where containerd's plugin looks for it.
 */
export async function storeResources(
  deps: Deps,
  id: string,
  updated: UpdatedResources,
  signal: AbortSignal,
): Promise<void> {
  await deps.sandboxes.recordResources(id, updated);
  if (!deps.daemon.features.sandboxStore) return;
  const extensions = { [UPDATED_RESOURCES_EXTENSION]: updatedResourcesExtension(updated) };
  const fields = [`extensions.${UPDATED_RESOURCES_EXTENSION}`];
  await deps.containerd.sandboxStore.update({ id, extensions }, fields, { signal });
}

/**
 * What was stored of them; nothing when nobody has said anything. The daemon's record in its sandbox store wins: the plugin
 * may have changed it.
 */
export async function storedResources(
  { sandboxes }: Pick<Deps, 'sandboxes'>,
  id: string,
  record: SandboxRecord | undefined,
): Promise<UpdatedResources> {
  const extension = record?.extensions[UPDATED_RESOURCES_EXTENSION];
  const stored = extension && parseUpdatedResources(extension.value);
  return stored ?? (await sandboxes.readResources(id)) ?? {};
}
