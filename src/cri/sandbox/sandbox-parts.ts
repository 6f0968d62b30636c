import { stringifyJson } from '../../base/json/json';
import type { ContainerdClient } from '../../containerd/client';
import type { ContainerRecord } from '../../containerd/containers';
import type { Any } from '../../model/any';
import type { Image } from '../../model/image';
import type { RuntimeHandler } from '../../model/runtime-handler';
import type { Sandbox } from '../../model/sandbox';
import type { Spec, SpecUser } from '../../model/spec';
import { usernsMappings } from '../../oci/process/userns';
import { sandboxSpec } from '../../oci/sandbox-spec';
import { sandboxSysctls, sysctlPath } from '../../oci/sysctls';
import { INFRA_LABEL, podPins, WITHOUT_INFRA } from '../../pods/infra';
import { hasPodNetwork, podNetworkConfig } from '../../pods/pod-network-config';
import { sharesHostIpc } from '../../pods/shares-host-ipc';
import { KIND_SANDBOX, recordLabels } from '../../state/labels';
import { SANDBOX_EXTENSION, sandboxMetadataExtension } from '../../state/records';
import type { CriDeps } from '../deps';
import { sandboxSeccomp } from '../seccomp-profile';
import { labelSandboxFiles, specLabels } from '../selinux';
import { snapshotLabels } from '../snapshot-labels';
import { SPEC_TYPE_URL } from '../type-urls';

export type PauseRecord = Omit<ContainerRecord, 'createdAt' | 'updatedAt'>;

export type PauseSnapshot = Parameters<ContainerdClient['snapshots']['prepare']>[0];

/** Pins the pod's network namespace; in a pod with a user namespace that one owns it. */
export async function makeSandboxNetns(deps: CriDeps, sandbox: Sandbox): Promise<void> {
  const { id, netnsPath } = sandbox.metadata;
  const mappings = userMappings(sandbox);
  await deps.host.createNetns(netnsPath, mappings && { ...mappings, usernsPath: deps.paths.userns(id) });
}

/** CNI ADD, then the journal again: an address that is not written down is lost with us. */
export async function addToNetwork(deps: CriDeps, sandbox: Sandbox, signal: AbortSignal): Promise<void> {
  const { metadata } = sandbox;
  const handler = deps.handlers.ofPod(metadata.runtimeHandler);
  const result = await deps.networksOf(handler).add(podNetworkConfig(metadata), signal);
  metadata.ip = result.ip;
  metadata.additionalIps = [...result.additionalIps];
  metadata.cniResult = result.cniResult;
  await deps.sandboxes.record(metadata);
}

/** Writes the pod's files and mounts its /dev/shm, all under the pod's SELinux label. */
export async function makeSandboxFiles(deps: CriDeps, sandbox: Sandbox, signal: AbortSignal): Promise<void> {
  const { id, config } = sandbox.metadata;
  await deps.host.writeSandboxFiles({
    dir: deps.paths.sandboxRoot(id),
    hostname: config.hostname || deps.host.facts.hostname,
    dns: config.dnsConfig,
  });
  if (!sharesHostIpc(sandbox.metadata.config)) await deps.host.mountShm(deps.paths.shm(id));
  await labelSandboxFiles(deps, sandbox, ownFiles(deps, sandbox), signal);
}

/** The undo of it. Idempotent. */
export async function removeSandboxFiles(deps: CriDeps, id: string): Promise<void> {
  await deps.host.removeTree(deps.paths.sandboxState(id));
  await deps.host.removeTree(deps.paths.sandboxRoot(id));
}

/** Pins the namespaces of a pod that has no pause task; from now on it counts as one that was not stopped. */
export async function pinSandbox(deps: CriDeps, { metadata }: Sandbox): Promise<void> {
  const pins = podPins(deps.paths, metadata);
  await deps.host.makeDir(deps.paths.pinned(metadata.id), 0o700);
  await deps.host.pinNamespaces(pins);
}

/** The undo of it. Idempotent. */
export async function unpinSandbox(deps: CriDeps, { metadata }: Sandbox): Promise<void> {
  await deps.host.unpinNamespaces(deps.paths.pinned(metadata.id), podPins(deps.paths, metadata));
  await deps.host.removeTree(deps.paths.sandboxState(metadata.id));
}

/** Sets what a pause container would be started with; after CNI, since a sysctl may be of an interface. */
export async function setUpNamespaces(deps: CriDeps, { metadata }: Sandbox): Promise<void> {
  const { config } = metadata;
  const sysctls = Object.entries(sandboxSysctls(config, false, deps.config));
  await deps.host.setInNamespaces(podPins(deps.paths, metadata), {
    hostname: hasPodNetwork(config) ? config.hostname : '',
    sysctls: sysctls.map(([name, value]) => ({ name, path: sysctlPath(name), value })),
  });
}

/** Derives the pause container's spec from the pod's configuration; makes nothing. */
export async function pauseSpec(
  deps: CriDeps,
  sandbox: Sandbox,
  handler: RuntimeHandler,
  { image, user }: { image: Pick<Image, 'config'>; user: SpecUser },
): Promise<Any> {
  const { metadata, withoutInfra } = sandbox;
  const { id, config } = metadata;
  const spec: Spec = sandboxSpec({
    id,
    shimGroup: sandbox.shimGroup,
    config,
    image,
    imageName: deps.config.sandbox_image,
    handler,
    facts: deps.host.facts,
    settings: deps.config,
    features: await deps.features.of(handler),
    user,
    netnsPath: hasPodNetwork(config) ? deps.paths.netns(id) : '',
    userNamespacePath: userMappings(sandbox) && hasPodNetwork(config) ? deps.paths.userns(id) : undefined,
    pins: withoutInfra ? podPins(deps.paths, metadata) : undefined,
    files: sandboxFilePaths(deps, sandbox),
    seccompProfile: await sandboxSeccomp(deps, config),
    labels: specLabels(deps, handler, metadata.processLabel),
  });
  return { typeUrl: SPEC_TYPE_URL, value: Buffer.from(stringifyJson(spec)) };
}

/** The record of the pause container, with all that is known of the pod by now. */
export function pauseRecord(
  deps: Pick<CriDeps, 'config'>,
  sandbox: Sandbox,
  handler: RuntimeHandler,
  { spec, image }: { spec: Any; image: Pick<Image, 'config'> },
): PauseRecord {
  const { metadata, withoutInfra } = sandbox;
  const labels = recordLabels({ image: image.config.labels, cri: metadata.config.labels, kind: KIND_SANDBOX });
  return {
    id: metadata.id,
    image: deps.config.sandbox_image,
    runtime: { name: handler.runtimeType, options: handler.options },
    spec,
    snapshotter: handler.snapshotter,
    snapshotKey: metadata.id,
    labels: { ...labels, ...(withoutInfra && { [INFRA_LABEL]: WITHOUT_INFRA }) },
    extensions: { [SANDBOX_EXTENSION]: sandboxMetadataExtension(metadata) },
    sandboxId: '',
  };
}

/** The pause container's root filesystem, ready to be prepared. */
export function pauseSnapshot(sandbox: Sandbox, handler: RuntimeHandler, image: Image): PauseSnapshot {
  return {
    snapshotter: handler.snapshotter,
    key: sandbox.metadata.id,
    parent: image.chainId,
    labels: snapshotLabels(userMappings(sandbox)),
  };
}

function userMappings({ metadata }: Sandbox): ReturnType<typeof usernsMappings> {
  return usernsMappings(metadata.config.linux?.securityContext?.namespaceOptions?.usernsOptions);
}

/** Where the pod's files are, for the pause container and every other. */
export function sandboxFilePaths(
  deps: Pick<CriDeps, 'paths'>,
  sandbox: Sandbox,
): { hostname: string; hosts: string; resolvConf: string; shm: string } {
  const { id } = sandbox.metadata;
  const root = deps.paths.sandboxRoot(id);
  return {
    hostname: `${root}/hostname`,
    hosts: `${root}/hosts`,
    resolvConf: `${root}/resolv.conf`,
    shm: sharesHostIpc(sandbox.metadata.config) ? '/dev/shm' : deps.paths.shm(id),
  };
}

/** Those of them that are the pod's alone. */
export function ownFiles(deps: Pick<CriDeps, 'paths'>, sandbox: Sandbox): string[] {
  const { shm, ...files } = sandboxFilePaths(deps, sandbox);
  return [...Object.values(files), ...(sharesHostIpc(sandbox.metadata.config) ? [] : [shm])];
}
