import type {
  ContainerConfig,
  ContainerMetadata,
  PodSandboxConfig,
  PodSandboxMetadata,
} from '../../generated/cri/v1/api';
import { type Container, containerState } from '../model/container';
import type { Sandbox } from '../model/sandbox';
import type { CriDeps } from './deps';
import { invalid, notFound, unavailable } from './errors';

/** A sandbox configuration whose metadata is complete: kubelet refuses a status that lacks any of it. */
export type NamedSandboxConfig = PodSandboxConfig & { metadata: PodSandboxMetadata };

/** The configuration of a pod; refuses one that lacks what every pod must have. */
export function requireSandboxConfig(config: PodSandboxConfig | undefined, field: string): NamedSandboxConfig {
  if (!config) throw invalid(field, 'is missing');
  const { metadata } = config;
  if (!metadata) throw invalid(`${field}.metadata`, 'is missing');
  for (const key of ['name', 'namespace', 'uid'] as const) {
    if (metadata[key] === '') throw invalid(`${field}.metadata.${key}`, 'is empty');
  }
  return { ...config, metadata };
}

/** A container configuration that names itself and its image. */
export type NamedContainerConfig = ContainerConfig & { metadata: ContainerMetadata };

/** The configuration of a container; refuses one that lacks a name or an image. */
export function requireContainerConfig(config: ContainerConfig | undefined): NamedContainerConfig {
  if (!config) throw invalid('config', 'is missing');
  const { metadata } = config;
  if (!metadata) throw invalid('config.metadata', 'is missing');
  if (metadata.name === '') throw invalid('config.metadata.name', 'is empty');
  if (!config.image || config.image.image === '') throw invalid('config.image.image', 'is empty');
  return { ...config, metadata };
}

/** The sandbox an RPC names, by id or unique prefix. */
export function requireSandbox(deps: Pick<CriDeps, 'sandboxes'>, id: string, field: string): Sandbox {
  if (id === '') throw invalid(field, 'is empty');
  const sandbox = deps.sandboxes.find(id);
  if (!sandbox) throw notFound('pod sandbox', id);
  return sandbox;
}

/** The container an RPC names, by id or unique prefix. */
export function requireContainer(deps: Pick<CriDeps, 'containers'>, id: string): Container {
  if (id === '') throw invalid('container_id', 'is empty');
  const container = deps.containers.find(id);
  if (!container) throw notFound('container', id);
  return container;
}

/**
 * Refuses to tell the status of a pod or container of which not everything could be read at the start. kubelet would act on
 * what is missing: it restarts a container whose annotations say nothing of its hash. A pod that has been stopped is told.
 */
export function requireReadablePod({ metadata, unreadable, stopped }: Sandbox): void {
  if (unreadable === undefined || stopped) return;
  throw notKnown('pod sandbox', metadata.id, unreadable);
}

/** The same for a container. Once its pod has been stopped, kubelet has to learn that it has ended: else it waits for ever. */
export function requireReadableContainer(deps: Pick<CriDeps, 'sandboxes'>, container: Container): void {
  const { metadata, status, unreadable, endUnread } = container;
  if (endUnread) throw notKnown('container', metadata.id, 'its status file cannot be read');
  if (unreadable === undefined) return;
  if (deps.sandboxes.get(metadata.sandboxId)?.stopped && containerState(status) === 'EXITED') return;
  throw notKnown('container', metadata.id, unreadable);
}

function notKnown(kind: string, id: string, why: string): Error {
  return unavailable(`the status of ${kind} "${id}" is not known: ${why}`);
}
