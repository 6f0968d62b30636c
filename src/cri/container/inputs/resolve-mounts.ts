import { isAbsolute } from 'node:path';
import { type Mount as CriMount, MountPropagation } from '../../../../generated/cri/v1/api';
import type { ResolvedMount } from '../../../oci/inputs';
import type { CriDeps } from '../../deps';
import { invalid } from '../../errors';
import type { NamedContainerConfig } from '../../require';
import type { MountedImageVolume } from './image-volumes';

/**
 * Looks at the source of every mount, in one go and bounded in time: a path on a dead network mount must fail this call,
 * not hang the daemon. A source that does not exist is made a directory, as every CRI runtime does.
 */
export async function resolveMounts(
  deps: Pick<CriDeps, 'host'>,
  config: NamedContainerConfig,
  volumes: ReadonlyMap<string, MountedImageVolume>,
): Promise<ResolvedMount[]> {
  const isVolume = (mount: CriMount): boolean => volumes.has(mount.containerPath) && mount.image !== undefined;
  config.mounts.forEach((mount, at) => {
    if (!isVolume(mount) && mount.image === undefined) requireHostPath(mount, at);
  });
  const onHost = config.mounts.filter((mount) => !isVolume(mount));
  const found = await deps.host.resolvePaths(onHost.map((mount) => ({ path: mount.hostPath, create: true })));
  const sources = new Map(onHost.map((mount, at) => [mount, found[at]?.path ?? mount.hostPath]));
  const resolved = config.mounts.map((mount) => ({
    mount,
    source: sources.get(mount) ?? volumes.get(mount.containerPath)?.source ?? '',
  }));
  return withPropagation(deps, resolved);
}

function requireHostPath(mount: CriMount, at: number): void {
  if (mount.hostPath === '') throw invalid(`config.mounts[${at}].host_path`, 'is empty');
  if (!isAbsolute(mount.hostPath))
    throw invalid(`config.mounts[${at}].host_path`, `"${mount.hostPath}" is not absolute`);
}

/** Only a mount that passes mounts on needs to know how its source does. */
async function withPropagation(
  deps: Pick<CriDeps, 'host'>,
  mounts: readonly Pick<ResolvedMount, 'mount' | 'source'>[],
): Promise<ResolvedMount[]> {
  const passing = mounts.filter(({ mount }) => mount.propagation !== MountPropagation.PROPAGATION_PRIVATE);
  const found = await deps.host.propagationsOf(passing.map(({ source }) => source));
  const known = new Map(passing.map(({ mount }, at) => [mount, wordFor(found[at])]));
  return mounts.map(({ mount, source }) => ({ mount, source, sourcePropagation: known.get(mount) }));
}

function wordFor(how: { shared: boolean; slave: boolean } | undefined): ResolvedMount['sourcePropagation'] {
  if (how?.shared) return 'shared';
  return how?.slave ? 'slave' : 'private';
}
