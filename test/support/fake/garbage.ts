import type { NamespaceState, World } from './world';

const CONTENT_REF = 'containerd.io/gc.ref.content';
const SNAPSHOT_REF = 'containerd.io/gc.ref.snapshot.';
const ROOT = 'containerd.io/gc.root';

/**
 * Removes every blob and snapshot that no image, container or lease leads to. containerd does this some time after a
 * deletion; here it happens at once, so that what lacks a lease is missed for certain.
 */
export function collectGarbage(world: World): void {
  for (const ns of world.namespaces.values()) {
    const used = reachable(ns);
    for (const digest of [...ns.blobs.keys()]) if (!used.has(`content ${digest}`)) ns.blobs.delete(digest);
    for (const [key, { name }] of [...ns.snapshots]) {
      const snapshotter = key.slice(0, key.length - name.length - 1);
      if (!used.has(`snapshots/${snapshotter} ${name}`)) ns.snapshots.delete(key);
    }
  }
}

function reachable(ns: NamespaceState): Set<string> {
  const used = new Set<string>();
  const queue = roots(ns);
  for (let node = queue.pop(); node !== undefined; node = queue.pop()) {
    if (used.has(node)) continue;
    used.add(node);
    const [type = '', id = ''] = splitOnce(node);
    if (type === 'content') queue.push(...refs(ns.blobs.get(id)?.labels ?? {}));
    if (!type.startsWith('snapshots/')) continue;
    const snapshot = ns.snapshots.get(`${type.slice('snapshots/'.length)} ${id}`);
    if (snapshot?.parent) queue.push(`${type} ${snapshot.parent}`);
    if (snapshot) queue.push(...refs(snapshot.labels));
  }
  return used;
}

function roots(ns: NamespaceState): string[] {
  const found: string[] = [];
  for (const { target, labels } of ns.images.values()) found.push(`content ${target?.digest}`, ...refs(labels));
  for (const { snapshotter, snapshotKey, labels } of ns.containers.values()) {
    found.push(`snapshots/${snapshotter} ${snapshotKey}`, ...refs(labels));
  }
  for (const { resources } of ns.leases.values()) found.push(...resources);
  for (const { labels } of ns.sandboxes.values()) found.push(...refs(labels));
  for (const [digest, { labels }] of ns.blobs) if (ROOT in labels) found.push(`content ${digest}`);
  for (const [key, { labels }] of ns.snapshots) if (ROOT in labels) found.push(`snapshots/${key}`);
  return found;
}

function refs(labels: Record<string, string>): string[] {
  return Object.entries(labels).flatMap(([key, value]) => {
    if (key === CONTENT_REF || key.startsWith(`${CONTENT_REF}.`)) return [`content ${value}`];
    if (!key.startsWith(SNAPSHOT_REF)) return [];
    const snapshotter = key.slice(SNAPSHOT_REF.length).replace(/\/.*$/, '');
    return [`snapshots/${snapshotter} ${value}`];
  });
}

function splitOnce(node: string): [string, string] {
  const at = node.indexOf(' ');
  return [node.slice(0, at), node.slice(at + 1)];
}
