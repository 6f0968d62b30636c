import type { ContainerConfig, LinuxContainerResources, PodSandboxConfig } from '../../generated/cri/v1/api';
import type { RuntimeHandler } from '../model/runtime-handler';
import { compileGlob, type Glob } from './glob';
import type { HandlerFeatures } from './inputs';

/** Annotations of ours: shims group containers and size VMs by them, so no pod may set one. */
const OWN_PREFIX = 'io.kubernetes.cri.';

/**
 * What OCI runtimes act on: systemd unit properties and CRIU's config (runc), handlers and hooks (crun). A pod that
 * sets one commands the node (CVE-2024-3154), or enters another pod's shim. A name ending in a dot is a prefix.
 */
const COMMANDS = ['org.systemd.property.', 'org.criu.config', 'run.oci.', 'bundle', 'io.containerd.runc.v2.group'];

/** True when a glob is about such annotations alone; `*` and `org.*` are not. */
function names({ prefix }: Glob, command: string): boolean {
  return prefix.startsWith(command);
}

function commandOf(key: string, commands: readonly string[]): string | undefined {
  return commands.find((command) => (command.endsWith('.') ? key.startsWith(command) : key === command));
}

/** The annotations that an administrator's globs let through to the runtime. */
export function passthroughAnnotations(
  annotations: Readonly<Record<string, string>>,
  patterns: readonly string[],
  features: HandlerFeatures,
): [string, string][] {
  const globs = patterns.map(compileGlob);
  const commands = [...COMMANDS, ...(features.unsafeAnnotations ?? [])].filter(Boolean);
  return Object.entries(annotations).filter(([key]) => {
    if (key.startsWith(OWN_PREFIX)) return false;
    const command = commandOf(key, commands);
    return globs.some((glob) => (command === undefined || names(glob, command)) && glob.matches(key));
  });
}

function own(name: string, value: string | bigint): [string, string] {
  return [OWN_PREFIX + name, value.toString()];
}

/** By which runc's shim groups containers before it looks at `sandbox-id`. */
export const SHIM_GROUP = 'io.containerd.runc.v2.group';

/** Only a pod that is in another's shim says so: else the pod's id is its group. */
function shimGroup(sandboxId: string, group: string | undefined): [string, string][] {
  return group === undefined || group === sandboxId ? [] : [[SHIM_GROUP, group]];
}

/** What every spec of a pod says about its pod: shims group by `sandbox-id`. */
function ofPod(kind: 'sandbox' | 'container', sandboxId: string, config: PodSandboxConfig): [string, string][] {
  return [
    own('container-type', kind),
    own('sandbox-id', sandboxId),
    own('sandbox-namespace', config.metadata?.namespace ?? ''),
    own('sandbox-uid', config.metadata?.uid ?? ''),
    own('sandbox-name', config.metadata?.name ?? ''),
  ];
}

function sizes(resources: LinuxContainerResources | undefined): [string, string][] {
  if (!resources) return [];
  return [
    own('sandbox-cpu-period', resources.cpuPeriod),
    own('sandbox-cpu-quota', resources.cpuQuota),
    own('sandbox-cpu-shares', resources.cpuShares),
    own('sandbox-memory', resources.memoryLimitInBytes),
  ];
}

/** Built with fromEntries: an annotation may be called `__proto__`. */
function record(entries: readonly [string, string][]): Record<string, string> {
  return Object.fromEntries(entries);
}

export interface ContainerAnnotationsInput {
  readonly base?: Readonly<Record<string, string>>;
  readonly sandboxId: string;
  readonly shimGroup?: string;
  readonly config: ContainerConfig;
  readonly sandboxConfig: PodSandboxConfig;
  readonly imageName: string;
  readonly handler: Pick<RuntimeHandler, 'podAnnotations' | 'containerAnnotations'>;
  readonly features: HandlerFeatures;
}

/** A container's annotations: the pod's and its own that may pass, then ours, which win. */
export function containerAnnotations(input: ContainerAnnotationsInput): Record<string, string> {
  const { config, sandboxConfig, handler, features } = input;
  return record([
    ...Object.entries(input.base ?? {}),
    ...passthroughAnnotations(sandboxConfig.annotations, handler.podAnnotations, features),
    ...passthroughAnnotations(config.annotations, handler.containerAnnotations, features),
    ...ofPod('container', input.sandboxId, sandboxConfig),
    ...shimGroup(input.sandboxId, input.shimGroup),
    own('container-name', config.metadata?.name ?? ''),
    own('image-name', config.image?.userSpecifiedImage || input.imageName),
  ]);
}

export interface SandboxAnnotationsInput {
  readonly id: string;
  readonly shimGroup?: string;
  readonly config: PodSandboxConfig;
  /** Name of the pause image. */
  readonly imageName: string;
  readonly handler: Pick<RuntimeHandler, 'podAnnotations'>;
  readonly features: HandlerFeatures;
}

/** A pause container's annotations. VM runtimes size the VM by `sandbox-cpu-*` and `sandbox-memory`. */
export function sandboxAnnotations(input: SandboxAnnotationsInput) {
  const { id, config, imageName, handler, features } = input;
  return record([
    ...passthroughAnnotations(config.annotations, handler.podAnnotations, features),
    ...sizes(config.linux?.resources),
    ...ofPod('sandbox', id, config),
    ...shimGroup(id, input.shimGroup),
    own('sandbox-log-directory', config.logDirectory),
    own('podsandbox.image-name', imageName),
  ]);
}
