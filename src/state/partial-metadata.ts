import { ContainerConfig, NamespaceMode, PodSandboxConfig } from '../../generated/cri/v1/api';
import { parseJson } from '../base/json/json';
import type { Any } from '../model/any';
import type { ContainerMetadata } from '../model/container';
import type { SandboxMetadata } from '../model/sandbox';
import type { Spec } from '../model/spec';
import { isPlain } from './go-json';
import { KIND_LABEL } from './labels';

/**
 * What a containerd record says of a pod or container besides the extension with its metadata: its labels, which have
 * kubelet's names, and its OCI spec, whose annotations name the pod. Enough to list it, stop it and remove it.
 */
interface Record {
  readonly id: string;
  readonly labels: { readonly [key: string]: string };
  readonly image: string;
  readonly spec?: Any;
  readonly sandboxId: string;
}

/** Labels by which kubelet knows its pods and containers (pkg/kubelet/types/labels.go). */
const POD_NAME = 'io.kubernetes.pod.name';
const POD_NAMESPACE = 'io.kubernetes.pod.namespace';
const POD_UID = 'io.kubernetes.pod.uid';
const CONTAINER_NAME = 'io.kubernetes.container.name';
/** Annotations of an OCI spec, as containerd's plugin and crisp write them. */
export const SPEC_SANDBOX_ID = 'io.kubernetes.cri.sandbox-id';
const SPEC_CONTAINER_NAME = 'io.kubernetes.cri.container-name';

/** The OCI spec of a record; undefined when there is none that can be read. */
export function specOf({ spec }: { readonly spec?: Any }): Spec | undefined {
  try {
    const read = spec && parseJson(spec.value.toString('utf8'));
    return isPlain(read) ? (read as unknown as Spec) : undefined;
  } catch {
    return undefined;
  }
}

/** The text of a member; empty for one that is none. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A member of a spec that may be anything. */
function memberOf(value: unknown, key: string): unknown {
  return isPlain(value) ? value[key] : undefined;
}

/** Why something of a record with such a spec is not known. */
export const TORN_SPEC = 'its OCI spec in containerd is torn';

/** Whether a record has an OCI spec of which the end is missing. To parse it for that takes too long at a start. */
export function hasTornSpec({ spec }: { readonly spec?: Any }): boolean {
  if (spec === undefined || spec.value.length === 0) return false;
  const end = spec.value.toString('utf8', Math.max(0, spec.value.length - 8));
  return !end.trimEnd().endsWith('}');
}

/** What is known of a pod whose metadata cannot be read. Its attempt and annotations are not. */
export function partialSandboxMetadata(record: Record): SandboxMetadata {
  const { [KIND_LABEL]: _kind, ...labels } = record.labels;
  const [name = '', namespace = '', uid = ''] = [POD_NAME, POD_NAMESPACE, POD_UID].map((key) => labels[key]);
  const namespaces = memberOf(specOf(record)?.linux, 'namespaces');
  const netns = Array.isArray(namespaces) && namespaces.find((each) => memberOf(each, 'type') === 'network');
  const network = netns ? NamespaceMode.POD : NamespaceMode.NODE;
  return {
    id: record.id,
    name: '',
    config: PodSandboxConfig.fromPartial({
      metadata: { name, namespace, uid, attempt: 0 },
      labels,
      linux: { securityContext: { namespaceOptions: { network } } },
    }),
    netnsPath: textOf(memberOf(netns, 'path')),
    ip: '',
    additionalIps: [],
    runtimeHandler: '',
    processLabel: '',
  };
}

/** What is known of a container whose metadata cannot be read. Its attempt, annotations and log are not. */
export function partialContainerMetadata(record: Record, imageRef: string): ContainerMetadata {
  const { [KIND_LABEL]: _kind, ...labels } = record.labels;
  const annotations = specOf(record)?.annotations;
  const annotation = (key: string): string => textOf(memberOf(annotations, key));
  return {
    id: record.id,
    name: '',
    sandboxId: record.sandboxId || annotation(SPEC_SANDBOX_ID),
    config: ContainerConfig.fromPartial({
      metadata: { name: labels[CONTAINER_NAME] ?? annotation(SPEC_CONTAINER_NAME), attempt: 0 },
      image: { image: record.image },
      labels,
    }),
    imageRef,
    imageDigest: '',
    imageName: record.image,
    logPath: '',
    stopSignal: '',
    processLabel: '',
  };
}
