import type { SpecIdMapping } from '../model/spec';

/** Labels by which a snapshotter that can shift ids is told to: `container:host:size` of the first mapping. */
export function snapshotLabels(
  mappings: { uids: readonly SpecIdMapping[]; gids: readonly SpecIdMapping[] } | undefined,
): Record<string, string> {
  const uid = mappings?.uids[0];
  const gid = mappings?.gids[0];
  if (!uid || !gid) return {};
  return {
    'containerd.io/snapshot/uidmapping': idMapping(uid),
    'containerd.io/snapshot/gidmapping': idMapping(gid),
  };
}

function idMapping(mapping: SpecIdMapping): string {
  return `${mapping.containerID}:${mapping.hostID}:${mapping.size}`;
}
