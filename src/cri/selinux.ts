import type { ContainerConfig, PodSandboxConfig } from '../../generated/cri/v1/api';
import { errorMessage } from '../base/errors';
import { mayRelabel } from '../host/security/selinux';
import type { RuntimeHandler } from '../model/runtime-handler';
import type { Sandbox } from '../model/sandbox';
import type { ResolvedMount, ResolvedVolume, SelinuxLabels } from '../oci/inputs';
import { checkSelinuxOptions } from '../oci/security/selinux';
import type { CriDeps } from './deps';
import { invalid, notReady } from './errors';

const FIELD = 'config.linux.security_context.selinux_options';

/** The process label of a pod, its level taken until the label is released; empty when SELinux is off. */
export function sandboxLabel(deps: Pick<CriDeps, 'selinux'>, config: PodSandboxConfig): string {
  const options = config.linux?.securityContext?.selinuxOptions;
  checkSelinuxOptions(options, FIELD);
  return deps.selinux.allocate(options).process;
}

/** The process label of a container: its pod's, but for what it asks for itself. To be released as the pod's. */
export function containerLabel(deps: Pick<CriDeps, 'selinux'>, config: ContainerConfig, sandbox: Sandbox): string {
  const options = config.linux?.securityContext?.selinuxOptions;
  checkSelinuxOptions(options, FIELD);
  return deps.selinux.allocate(options, sandbox.metadata.processLabel).process;
}

/** What the spec says of a process label: a virtual machine monitor has a type of its own, with the same level. */
export function specLabels(
  deps: Pick<CriDeps, 'selinux'>,
  handler: RuntimeHandler,
  processLabel: string,
): SelinuxLabels {
  const process = handler.selinuxKvmLabel ? deps.selinux.forVirtualMachine(processLabel) : processLabel;
  return { process, mount: deps.selinux.mountLabel(processLabel) };
}

type LabelDeps = Pick<CriDeps, 'selinux' | 'host'>;

/** Gives the pod's own files the label of the pod, for its containers to see them. */
export async function labelSandboxFiles(
  deps: LabelDeps,
  sandbox: Sandbox,
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const label = deps.selinux.mountLabel(sandbox.metadata.processLabel);
  for (const path of label === '' ? [] : paths) await deps.host.relabel(path, label, signal);
}

/** What a container is to see under its label. */
export interface Labelled {
  readonly sandbox: Sandbox;
  readonly processLabel: string;
  readonly mounts: readonly ResolvedMount[];
  readonly volumes: readonly ResolvedVolume[];
  /** The pod's own files. */
  readonly files: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * Relabels what the request asks for and what is the container's own. What belongs to the host is refused, whoever asks
 * (CVE-2021-43816): its services would lose it. The pod's files have the pod's label; for a container with a level of
 * its own they get one that every container of the pod may read.
 */
export async function labelMounts(deps: LabelDeps, what: Labelled): Promise<void> {
  const label = deps.selinux.mountLabel(what.processLabel);
  if (label === '') return;
  const asked = what.mounts.filter(({ mount }) => mount.selinuxRelabel && !mount.image);
  for (const each of asked) {
    if (mayRelabel(each.source)) continue;
    const field = `config.mounts[${what.mounts.indexOf(each)}].selinux_relabel`;
    throw invalid(field, `${each.source} belongs to the host, its label is not changed`);
  }
  const { signal } = what;
  for (const { source } of [...asked, ...what.volumes]) await relabelled(deps, source, label, signal);
  if (label === deps.selinux.mountLabel(what.sandbox.metadata.processLabel)) return;
  for (const path of what.files) await relabelled(deps, path, deps.selinux.sharedLabel(label), signal);
}

async function relabelled(deps: LabelDeps, path: string, label: string, signal?: AbortSignal): Promise<void> {
  try {
    await deps.host.relabel(path, label, signal);
  } catch (error) {
    signal?.throwIfAborted();
    throw notReady(`relabel "${path}": ${errorMessage(error)}`);
  }
}
