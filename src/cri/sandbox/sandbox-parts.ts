import { NamespaceMode } from '../../../generated/cri/v1/api';
import { stringifyJson } from '../../base/json';
import type { ContainerRecord } from '../../containerd/containers';
import { podNetworkConfig } from '../../lifecycle/pod-network-config';
import type { Image } from '../../model/image';
import type { RuntimeHandler } from '../../model/runtime-handler';
import type { Sandbox } from '../../model/sandbox';
import type { Spec } from '../../model/spec';
import { sandboxSpec } from '../../oci/sandbox-spec';
import { usernsMappings } from '../../oci/userns';
import { KIND_SANDBOX, recordLabels } from '../../state/labels';
import { SANDBOX_EXTENSION, sandboxMetadataExtension } from '../../state/records';
import type { CriDeps } from '../deps';
import { sandboxSeccomp } from '../seccomp-profile';
import { labelSandboxFiles, specLabels } from '../selinux';
import { snapshotLabels } from '../snapshot-labels';
import { SPEC_TYPE_URL } from '../type-urls';
import { updateSandboxRecord } from './sandbox-record';
import { sandboxUser } from './sandbox-user';

/** The pause container's record and snapshot, ready to be created. */
export interface PauseContainer {
  readonly record: Omit<ContainerRecord, 'createdAt' | 'updatedAt'>;
  readonly snapshot: { snapshotter: string; key: string; parent: string; labels: Record<string, string> };
}

/** Pins the pod's network namespace; in a pod with a user namespace that one owns it. */
export async function makeSandboxNetns(deps: CriDeps, sandbox: Sandbox): Promise<void> {
  const { id, config } = sandbox.metadata;
  const mappings = usernsMappings(config.linux?.securityContext?.namespaceOptions?.usernsOptions);
  sandbox.metadata.netnsPath = deps.paths.netns(id);
  await deps.host.createNetns(
    sandbox.metadata.netnsPath,
    mappings && { ...mappings, usernsPath: deps.paths.userns(id) },
  );
}

/** CNI ADD, then the records again: an address that is not written down is lost with us. */
export async function addToNetwork(deps: CriDeps, sandbox: Sandbox, signal: AbortSignal): Promise<void> {
  const { metadata } = sandbox;
  const handler = deps.handlers.find(metadata.runtimeHandler) ?? deps.handlers.default;
  const result = await deps.networksOf(handler).add(podNetworkConfig(metadata), signal);
  metadata.ip = result.ip;
  metadata.additionalIps = [...result.additionalIps];
  metadata.cniResult = result.cniResult;
  await deps.sandboxes.record(metadata);
  await updateSandboxRecord(deps, sandbox, { signal });
}

/** Writes the pod's files and mounts its /dev/shm, all under the pod's SELinux label. */
export async function makeSandboxFiles(deps: CriDeps, sandbox: Sandbox, signal: AbortSignal): Promise<void> {
  const { id, config } = sandbox.metadata;
  await deps.host.writeSandboxFiles({
    dir: deps.paths.sandboxRoot(id),
    hostname: config.hostname || deps.host.facts.hostname,
    dns: config.dnsConfig,
  });
  if (!sharesHostIpc(sandbox)) await deps.host.mountShm(deps.paths.shm(id));
  await labelSandboxFiles(deps, sandbox, ownFiles(deps, sandbox), signal);
}

/** The undo of it. Idempotent. */
export async function removeSandboxFiles(deps: CriDeps, id: string): Promise<void> {
  await deps.host.removeTree(deps.paths.sandboxState(id));
  await deps.host.removeTree(deps.paths.sandboxRoot(id));
}

/** Derives all of the pause container from the pod's configuration; makes nothing. */
export async function pauseContainer(
  deps: CriDeps,
  sandbox: Sandbox,
  handler: RuntimeHandler,
  image: Image,
): Promise<PauseContainer> {
  const { metadata } = sandbox;
  const { id, config } = metadata;
  const mappings = usernsMappings(config.linux?.securityContext?.namespaceOptions?.usernsOptions);
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
    user: await sandboxUser(deps, sandbox, handler, image),
    netnsPath: metadata.netnsPath,
    userNamespacePath: mappings && metadata.netnsPath ? deps.paths.userns(id) : undefined,
    files: sandboxFilePaths(deps, sandbox),
    seccompProfile: await sandboxSeccomp(deps, config),
    labels: specLabels(deps, handler, metadata.processLabel),
  });
  return {
    record: {
      id,
      image: deps.config.sandbox_image,
      runtime: { name: handler.runtimeType, options: handler.options },
      spec: { typeUrl: SPEC_TYPE_URL, value: Buffer.from(stringifyJson(spec)) },
      snapshotter: handler.snapshotter,
      snapshotKey: id,
      labels: recordLabels({ image: image.config.labels, cri: config.labels, kind: KIND_SANDBOX }),
      extensions: { [SANDBOX_EXTENSION]: sandboxMetadataExtension(metadata) },
      sandboxId: '',
    },
    snapshot: {
      snapshotter: handler.snapshotter,
      key: id,
      parent: image.chainId,
      labels: snapshotLabels(mappings),
    },
  };
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
    shm: sharesHostIpc(sandbox) ? '/dev/shm' : deps.paths.shm(id),
  };
}

/** Those of them that are the pod's alone. */
export function ownFiles(deps: Pick<CriDeps, 'paths'>, sandbox: Sandbox): string[] {
  const { shm, ...files } = sandboxFilePaths(deps, sandbox);
  return [...Object.values(files), ...(sharesHostIpc(sandbox) ? [] : [shm])];
}

function sharesHostIpc(sandbox: Sandbox): boolean {
  return sandbox.metadata.config.linux?.securityContext?.namespaceOptions?.ipc === NamespaceMode.NODE;
}
