import { basename } from 'node:path';
import type { NetworkConfig } from './network-config';
import type { CachedAttachment } from './result-cache';

/** Set by every CRI runtime on a pod's attachment; other users of the cache (podman, nerdctl) do not. */
const POD_ARG = 'K8S_POD_INFRA_CONTAINER_ID';

/**
 * The cached attachments of pods of ours that exist no more: by the name of the network namespace, or by what was noted when
 * their DEL was given up. All others are somebody else's, also when their namespace is gone: after a reboot the pods of every
 * runtime on this machine have none, and their runtime has not released their addresses yet.
 */
export function staleAttachments(
  attachments: readonly CachedAttachment[],
  valid: ReadonlySet<string>,
): CachedAttachment[] {
  return attachments.filter((attachment) => {
    const { containerId, netnsPath, abandoned } = attachment;
    if (!isPods(attachment) || valid.has(containerId)) return false;
    return abandoned === true || isOurs(netnsPath, containerId);
  });
}

/** An attachment as GC is told of it. */
export interface GcAttachment {
  readonly containerID: string;
  readonly ifname: string;
}

/**
 * The attachments that GC of a network must spare: all that are cached for it, also those of other programs and those that
 * could not be released, and each living pod by its interface, in case that its cache file was lost.
 */
export function validAttachments(
  network: NetworkConfig,
  known: { remaining: readonly CachedAttachment[]; valid: readonly string[]; ifName: string },
): GcAttachment[] {
  const cached = known.remaining.filter(({ networkName }) => networkName === network.name);
  const spared = new Map(
    cached.map(({ containerId, ifName }) => [`${containerId} ${ifName}`, { containerID: containerId, ifname: ifName }]),
  );
  for (const id of known.valid) spared.set(`${id} ${known.ifName}`, { containerID: id, ifname: known.ifName });
  return [...spared.values()];
}

function isPods({ cniArgs, containerId }: CachedAttachment): boolean {
  return cniArgs.some(([key, value]) => key === POD_ARG && value === containerId);
}

/** Our namespaces are named by the first 32 digits of the sandbox's id, written as a uuid. */
function isOurs(netnsPath: string, sandboxId: string): boolean {
  return basename(netnsPath).replaceAll('-', '') === `cni${sandboxId.slice(0, 32)}`;
}
