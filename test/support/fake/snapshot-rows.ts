import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Info,
  Kind,
  type SnapshotsDefinition,
} from '../../../generated/containerd/services/snapshots/v1/snapshots';
import type { Mount } from '../../../generated/containerd/types/mount';
import { applyMask } from './apply-mask';
import { fieldsOf, matches } from './filter';
import type { Ctx, Rows } from './rows';
import {
  alreadyExists,
  failedPrecondition,
  invalidArgument,
  must,
  type NamespaceState,
  notFound,
  type World,
} from './world';

/** Where the files of a snapshot would be: a real directory, empty until a test puts something there. */
export function snapshotDir(world: World, snapshotter: string, key: string): string {
  return join(world.dir, 'snapshots', snapshotter, encodeURIComponent(key));
}

/** Snapshots without contents; their mounts are binds of empty directories. */
export function snapshotRows(world: World): Rows<typeof SnapshotsDefinition> {
  return { ...makingRows(world), ...otherRows(world) };
}

type Making = Pick<Rows<typeof SnapshotsDefinition>, 'prepare' | 'view' | 'commit' | 'remove'>;

function makingRows(world: World): Making {
  const make = (
    req: { snapshotter: string; key: string; parent: string; labels: Record<string, string> },
    { ns, protect }: Ctx,
    kind: Kind,
  ) => {
    const { snapshotter, key, parent, labels } = req;
    const at = `${snapshotter} ${key}`;
    if (!snapshotter || !key) throw invalidArgument('snapshotter and key');
    if (ns.snapshots.has(at)) throw alreadyExists(`snapshot ${key}`);
    if (parent && ns.snapshots.get(`${snapshotter} ${parent}`)?.kind !== Kind.COMMITTED) {
      throw notFound(`parent snapshot ${parent} does not exist`);
    }
    protect(`snapshots/${snapshotter}`, key);
    const now = world.now();
    ns.snapshots.set(at, { name: key, parent, kind, labels, createdAt: now, updatedAt: now });
    mkdirSync(snapshotDir(world, snapshotter, key), { recursive: true });
    return { mounts: mountsOf(world, ns, { snapshotter, key }) };
  };
  return {
    prepare: (req, ctx) => make(req, ctx, Kind.ACTIVE),
    view: (req, ctx) => make(req, ctx, Kind.VIEW),
    commit: ({ snapshotter, name, key, labels }, { ns, protect }) => {
      const active = must(ns.snapshots, `${snapshotter} ${key}`, 'snapshot');
      if (active.kind !== Kind.ACTIVE) throw failedPrecondition(`snapshot ${key} is not active`);
      if (ns.snapshots.has(`${snapshotter} ${name}`)) throw alreadyExists(`snapshot ${name}`);
      protect(`snapshots/${snapshotter}`, name);
      ns.snapshots.delete(`${snapshotter} ${key}`);
      const info = { ...active, name, kind: Kind.COMMITTED, labels, updatedAt: world.now() };
      ns.snapshots.set(`${snapshotter} ${name}`, info);
      return {};
    },
    remove: ({ snapshotter, key }, { ns }) => {
      must(ns.snapshots, `${snapshotter} ${key}`, 'snapshot');
      const children = inSnapshotter(ns, snapshotter).filter(({ parent }) => parent === key);
      if (children.length > 0) throw failedPrecondition(`snapshot ${key} has children`);
      ns.snapshots.delete(`${snapshotter} ${key}`);
      rmSync(snapshotDir(world, snapshotter, key), { recursive: true, force: true });
      return {};
    },
  };
}

function otherRows(world: World): Omit<Rows<typeof SnapshotsDefinition>, keyof Making> {
  return {
    mounts: ({ snapshotter, key }, { ns }) => ({ mounts: mountsOf(world, ns, { snapshotter, key }) }),
    stat: ({ snapshotter, key }, { ns }) => ({ info: must(ns.snapshots, `${snapshotter} ${key}`, 'snapshot') }),
    update: ({ snapshotter, info, updateMask }, { ns }) => {
      if (!info) throw invalidArgument('info');
      const at = `${snapshotter} ${info.name}`;
      const before = must(ns.snapshots, at, 'snapshot');
      const after = applyMask(before, info, updateMask, ['name', 'parent', 'kind', 'createdAt']);
      ns.snapshots.set(at, { ...after, updatedAt: world.now() });
      return { info: after };
    },
    async *list({ snapshotter, filters }, { ns }) {
      const all = inSnapshotter(ns, snapshotter).filter(({ name, parent, kind, labels }) =>
        matches(filters, fieldsOf({ name, parent, kind: Kind[kind].toLowerCase() }, labels)),
      );
      for (let at = 0; at < all.length; at += 2) yield { info: all.slice(at, at + 2) };
    },
    usage: ({ snapshotter, key }, { ns }) => {
      must(ns.snapshots, `${snapshotter} ${key}`, 'snapshot');
      return world.snapshotUsage.get(key) ?? { size: 4096n, inodes: 1n };
    },
    cleanup: () => ({}),
  };
}

function inSnapshotter(ns: NamespaceState, snapshotter: string): Info[] {
  return [...ns.snapshots].filter(([at]) => at.startsWith(`${snapshotter} `)).map(([, info]) => info);
}

function mountsOf(world: World, ns: NamespaceState, at: { snapshotter: string; key: string }): Mount[] {
  const { kind, labels } = must(ns.snapshots, `${at.snapshotter} ${at.key}`, 'snapshot');
  if (kind === Kind.COMMITTED) throw failedPrecondition(`snapshot ${at.key} is committed`);
  const source = snapshotDir(world, at.snapshotter, at.key);
  if (world.stagedLayers.has(labels['containerd.io/snapshot/diff-id'] ?? '')) {
    return [{ type: 'erofs', source: join(source, 'layer.erofs'), target: '', options: ['loop'] }];
  }
  return [{ type: 'bind', source, target: '', options: [kind === Kind.VIEW ? 'ro' : 'rw', 'rbind'] }];
}
