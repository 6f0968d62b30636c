import type { Pieces } from '../../base/work/pieces';
import type {
  Spec,
  SpecDevice,
  SpecDeviceCgroup,
  SpecHooks,
  SpecLinux,
  SpecMount,
  SpecProcess,
} from '../../model/spec';
import { cleanPath } from '../image-volumes';
import type { CdiDeviceNode, CdiEdits } from '../inputs';
import { byDepth } from '../mounts';
import { withEnv } from '../process/env';

/** A node without an owner belongs to whom the container runs as, unless that is root. */
function specDevice(node: CdiDeviceNode, process: SpecProcess): SpecDevice {
  const uid = node.uid ?? (process.user.uid || undefined);
  const gid = node.gid ?? (process.user.gid || undefined);
  return {
    path: node.path,
    type: node.type ?? 'c',
    major: node.major ?? 0,
    minor: node.minor ?? 0,
    ...(node.fileMode !== undefined && { fileMode: node.fileMode }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  };
}

function rule({ type, major, minor, permissions }: CdiDeviceNode): SpecDeviceCgroup[] {
  return type === 'c' || type === 'b' ? [{ allow: true, type, major, minor, access: permissions }] : [];
}

function withDevices(linux: SpecLinux, edits: CdiEdits, process: SpecProcess): SpecLinux {
  const last = new Map(edits.deviceNodes.map((node) => [node.path, node]));
  const nodes = [...last.values()];
  const kept = (linux.devices ?? []).filter(({ path }) => !last.has(path));
  const rules = [...(linux.resources?.devices ?? []), ...nodes.flatMap(rule)];
  return {
    ...linux,
    devices: [...kept, ...nodes.map((node) => specDevice(node, process))],
    resources: { ...linux.resources, devices: rules },
  };
}

function withMounts(mounts: readonly SpecMount[], added: readonly SpecMount[]): SpecMount[] {
  if (added.length === 0) return [...mounts];
  const last = new Map(added.map((mount) => [cleanPath(mount.destination), mount]));
  return byDepth([...mounts.filter(({ destination }) => !last.has(cleanPath(destination))), ...last.values()]);
}

function withHooks(hooks: SpecHooks | undefined, added: SpecHooks): SpecHooks | undefined {
  const names = new Set([...Object.keys(hooks ?? {}), ...Object.keys(added)]) as Set<keyof SpecHooks>;
  if (names.size === 0) return hooks;
  return Object.fromEntries([...names].map((name) => [name, [...(hooks?.[name] ?? []), ...(added[name] ?? [])]]));
}

/** A spec with the edits of CDI devices: they come last and win, as the CDI specification wants. */
export function* withCdiEdits(spec: Spec, edits: CdiEdits): Pieces<Spec> {
  const process = spec.process ?? { user: { uid: 0, gid: 0 }, cwd: '/' };
  const linux = withDevices(spec.linux ?? {}, edits, process);
  const gids = [...new Set([...(process.user.additionalGids ?? []), ...edits.additionalGids])];
  const hooks = withHooks(spec.hooks, edits.hooks);
  const netDevices = { ...linux.netDevices, ...edits.netDevices };
  return {
    ...spec,
    process: {
      ...process,
      env: yield* withEnv(process.env ?? [], edits.env),
      user: { ...process.user, ...(gids.length > 0 && { additionalGids: gids }) },
    },
    ...(hooks && { hooks }),
    mounts: withMounts(spec.mounts ?? [], edits.mounts),
    linux: {
      ...linux,
      ...(edits.intelRdt && { intelRdt: edits.intelRdt }),
      ...(Object.keys(netDevices).length > 0 && { netDevices }),
    },
  };
}
