import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Mount as CriMount } from '../../../../generated/cri/v1/api';
import { labelledMounts } from '../../../host/security/selinux';
import { ensureUnpacked } from '../../../images/unpack/ensure-unpacked';
import type { ListedImage } from '../../../model/image';
import type { Mount } from '../../../model/mount';
import type { Sandbox } from '../../../model/sandbox';
import { usernsMappings } from '../../../oci/process/userns';
import { Code } from '../../../rpc/code';
import { RpcError } from '../../../rpc/rpc-error';
import type { CriDeps } from '../../deps';
import type { NamedContainerConfig } from '../../require';

/** An image volume, mounted on the host. */
export interface MountedImageVolume {
  readonly imageId: string;
  /** The directory to bind into the container: the image's root, or the sub path in it. */
  readonly source: string;
}

/** kubelet looks for this word at the start of the message. */
function failed(mount: CriMount, problem: string): RpcError {
  return new RpcError(Code.INVALID_ARGUMENT, `ImageVolumeMountFailed: ${mount.containerPath}: ${problem}`);
}

/**
 * Mounts every image that a container asks for as a volume, read-only, once per pod and image: the pod's containers
 * share it and StopPodSandbox takes it away. Answers by container path.
 */
export async function mountImageVolumes(
  deps: CriDeps,
  sandbox: Sandbox,
  config: NamedContainerConfig,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, MountedImageVolume>> {
  const volumes = new Map<string, MountedImageVolume>();
  for (const mount of config.mounts) {
    if (!mount.image || mount.image.image === '') continue;
    const image = deps.images.find(mount.image.image);
    if (!image) throw failed(mount, `image "${mount.image.image}" is not here`);
    await using _held = await deps.locks.hold(`image-volume/${sandbox.metadata.id}/${image.id}`, signal);
    const root = await mountOnce(deps, sandbox, image, signal);
    volumes.set(mount.containerPath, { imageId: image.id, source: await inside(deps, root, mount) });
  }
  return volumes;
}

async function mountOnce(deps: CriDeps, sandbox: Sandbox, image: ListedImage, signal: AbortSignal): Promise<string> {
  const { id } = sandbox.metadata;
  const handler = deps.handlers.ofPod(sandbox.metadata.runtimeHandler);
  const target = join(deps.paths.imageVolumes(id), image.id.replace('sha256:', ''));
  if (await deps.host.isMountPoint(target)) return target;
  const { snapshots } = deps.containerd;
  const { snapshotter } = handler;
  await ensureUnpacked(deps, image, { snapshotter, signal });
  const key = volumeKey(id, image);
  const view = { snapshotter, key, parent: image.chainId };
  const mounts = (await snapshots.stat({ snapshotter, key }, { signal }))
    ? await snapshots.mounts({ snapshotter, key }, { signal })
    : await snapshots.view(view, { lease: id, signal });
  await deps.host.makeDir(target, 0o755);
  await mountAt(deps, sandbox, labelledMounts(mounts, deps.selinux.mountLabel(sandbox.metadata.processLabel)), target);
  return target;
}

/** In a pod with a user namespace the image's files belong to the users inside, as those of a root filesystem do. */
async function mountAt(deps: CriDeps, { metadata, status }: Sandbox, mounts: Mount[], target: string): Promise<void> {
  const shifted = usernsMappings(metadata.config.linux?.securityContext?.namespaceOptions?.usernsOptions);
  if (shifted) await deps.host.mountShifted(mounts, target, `/proc/${status.pid}/ns/user`);
  else await deps.host.mountAll(mounts, target, { readonly: true });
}

/** Key of the snapshot behind a pod's image volume; the pod's lease keeps it, and it goes with the pod. */
function volumeKey(sandboxId: string, image: ListedImage): string {
  return createHash('sha256').update(`image-volume ${sandboxId} ${image.id}`).digest('hex');
}

async function inside(deps: CriDeps, root: string, mount: CriMount): Promise<string> {
  if (mount.imageSubPath === '') return root;
  const found = await deps.host.resolveInRoot(root, mount.imageSubPath);
  if (!found) throw failed(mount, `"${mount.imageSubPath}" does not exist in the image`);
  if (found.kind !== 'directory') throw failed(mount, `"${mount.imageSubPath}" is not a directory`);
  return found.path;
}
