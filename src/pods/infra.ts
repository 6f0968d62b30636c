import { NamespaceMode } from '../../generated/cri/v1/api';
import type { ContainerdClient } from '../containerd/client';
import type { Host } from '../host/machine';
import type { Paths } from '../host/paths';
import type { PodPins } from '../model/pod-pins';
import type { RuntimeHandler } from '../model/runtime-handler';
import type { Sandbox, SandboxMetadata } from '../model/sandbox';
import { hasPodNetwork } from './pod-network-config';
import { sharesHostIpc } from './shares-host-ipc';

/** The one shim for which a pod is a group of tasks and no thing of its own. */
const RUNC = 'io.containerd.runc.v2';

/** Marks the record of a pod that has no pause task; it goes when the pod gets one. containerd's own CRI does not look at it. */
export const INFRA_LABEL = 'crisp.io/infra-container';
export const WITHOUT_INFRA = 'none';

/** Whether its shim (runc's, whatever the OCI runtime behind it) takes a pod for a group of tasks that join namespaces. */
export function groupsTasks(handler: RuntimeHandler): boolean {
  return handler.runtimeType === RUNC && handler.hostProcesses;
}

/**
 * Whether a pod needs a pause task: to keep a PID namespace that its containers share, to own its user namespace, to keep
 * a shim that several pods share, or because its shim (Kata, gVisor) makes the pod out of it.
 */
export function needsInfra(config: SandboxMetadata['config'], handler: RuntimeHandler): boolean {
  if (handler.infraContainer === 'always' || handler.podsPerShim > 1) return true;
  if (!groupsTasks(handler)) return true;
  const { pid = NamespaceMode.POD, usernsOptions } = config.linux?.securityContext?.namespaceOptions ?? {};
  if (pid !== NamespaceMode.CONTAINER && pid !== NamespaceMode.NODE) return true;
  return usernsOptions !== undefined && usernsOptions.mode !== NamespaceMode.NODE;
}

/** Where the namespaces of a pod without a pause task are. The host's network comes with the host's name (UTS). */
export function podPins(paths: Paths, { id, config }: SandboxMetadata): PodPins {
  return {
    ...(hasPodNetwork(config) && { network: paths.netns(id), uts: `${paths.pinned(id)}/uts` }),
    ...(!sharesHostIpc(config) && { ipc: `${paths.pinned(id)}/ipc` }),
  };
}

/** The record of a pod says no more that it has no pause task. */
export async function markWithInfra({ containerd }: { containerd: ContainerdClient }, id: string): Promise<void> {
  await containerd.containers.update({ id, labels: { [INFRA_LABEL]: '' } }, [`labels.${INFRA_LABEL}`]);
}

/** Whether a pod without a pause task still has all it was made with: not once it was stopped, nor after a reboot. */
export async function isPinned(deps: { host: Host; paths: Paths }, metadata: Sandbox['metadata']): Promise<boolean> {
  const { host, paths } = deps;
  if (!(await host.isDirectory(paths.pinned(metadata.id)))) return false;
  const pins = Object.values(podPins(paths, metadata));
  return (await Promise.all(pins.map((path) => host.isNetns(path)))).every(Boolean);
}
