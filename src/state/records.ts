import { parseJson, stringifyJson } from '../base/json';
import type { Any } from '../model/any';
import type { ContainerMetadata } from '../model/container';
import type { SandboxMetadata } from '../model/sandbox';
import {
  fromGoJson,
  type GoJsonOptions,
  isPlain,
  keptMembers,
  toGoJson,
  UNKNOWN_KEYS,
  unknownMembers,
} from './go-json';

/**
 * What the plugin keeps about a sandbox or container in an extension of its containerd record, byte-compatible, so that
 * either may take over from the other: `{"Version":"v1","Metadata":{…}}` with the field names of the Go struct.
 */

/** Keys of the extensions in a containerd record. */
export const SANDBOX_EXTENSION = 'io.cri-containerd.sandbox.metadata';
export const CONTAINER_EXTENSION = 'io.cri-containerd.container.metadata';

/** Types of what is under those keys; in the sandbox store the sandbox's is under `metadata`. */
export const SANDBOX_METADATA_TYPE = 'github.com/containerd/cri/pkg/store/sandbox/Metadata';
export const CONTAINER_METADATA_TYPE = 'github.com/containerd/cri/pkg/store/container/Metadata';

const VERSION = 'v1';

/** Betas of containerd 2.3 and 2.4 wrote a stop signal as CRI 0.38 spells its enum: `SIGNAL_SIGTERM`. */
const ENUM_PREFIX = /^SIGNAL_(?=SIG)/;

type Plain = Record<string, unknown>;

/** The sandbox's extension of a record. */
export function sandboxMetadataExtension(metadata: SandboxMetadata): Any {
  return { typeUrl: SANDBOX_METADATA_TYPE, value: Buffer.from(encodeSandboxMetadata(metadata)) };
}

/** The container's extension of a record. `envs` only for a daemon known to read the other form. */
export function containerMetadataExtension(metadata: ContainerMetadata, options?: GoJsonOptions): Any {
  return { typeUrl: CONTAINER_METADATA_TYPE, value: Buffer.from(encodeContainerMetadata(metadata, options)) };
}

/**
 * The sandbox's metadata as JSON text, members that a newer program has written included. `beside` goes next to it, for
 * our own journal.
 */
export function encodeSandboxMetadata(metadata: SandboxMetadata, beside: Plain = {}): string {
  const members = {
    ID: metadata.id,
    Name: metadata.name,
    Config: toGoJson('PodSandboxConfig', metadata.config),
    NetNSPath: metadata.netnsPath,
    IP: metadata.ip,
    AdditionalIPs: metadata.additionalIps.length > 0 ? metadata.additionalIps : null,
    RuntimeHandler: metadata.runtimeHandler,
    CNIResult: metadata.cniResult ?? null,
    ProcessLabel: metadata.processLabel,
  };
  return encode(metadata, members, beside);
}

/** The container's metadata as JSON text. What older plugins do not know is written only when there is something. */
export function encodeContainerMetadata(metadata: ContainerMetadata, options?: GoJsonOptions): string {
  return encode(metadata, {
    ID: metadata.id,
    Name: metadata.name,
    SandboxID: metadata.sandboxId,
    Config: toGoJson('ContainerConfig', metadata.config, options),
    ImageRef: metadata.imageRef,
    ...(metadata.imageDigest ? { ImageDigest: metadata.imageDigest } : {}),
    ...(metadata.imageName ? { ImageName: metadata.imageName } : {}),
    LogPath: metadata.logPath,
    StopSignal: metadata.stopSignal,
    ProcessLabel: metadata.processLabel,
  });
}

/** The metadata in an extension or journal file; undefined when it is torn, of another version or lacks its id. */
export function parseSandboxMetadata(data: Buffer): SandboxMetadata | undefined {
  return decode(data, (stored) => ({
    id: stored.text('ID'),
    name: stored.text('Name'),
    config: fromGoJson('PodSandboxConfig', stored.value('Config')),
    netnsPath: stored.text('NetNSPath'),
    ip: stored.text('IP'),
    additionalIps: stored.texts('AdditionalIPs'),
    runtimeHandler: stored.text('RuntimeHandler'),
    cniResult: stored.value('CNIResult') ?? undefined,
    processLabel: stored.text('ProcessLabel'),
  }));
}

/** The metadata in a container's extension; undefined when it is torn, of another version or lacks its id. */
export function parseContainerMetadata(data: Buffer, options?: GoJsonOptions): ContainerMetadata | undefined {
  return decode(data, (stored) => ({
    id: stored.text('ID'),
    name: stored.text('Name'),
    sandboxId: stored.text('SandboxID'),
    config: fromGoJson('ContainerConfig', stored.value('Config'), options),
    imageRef: stored.text('ImageRef'),
    imageDigest: stored.text('ImageDigest'),
    imageName: stored.text('ImageName'),
    logPath: stored.text('LogPath'),
    stopSignal: stored.text('StopSignal').replace(ENUM_PREFIX, ''),
    processLabel: stored.text('ProcessLabel'),
  }));
}

/** A pod's configuration as `crictl inspectp` shows it. */
export function sandboxConfigJson(config: SandboxMetadata['config']): Plain {
  return toGoJson('PodSandboxConfig', config);
}

/** A container's configuration as `crictl inspect` shows it. */
export function containerConfigJson(config: ContainerMetadata['config']): Plain {
  return toGoJson('ContainerConfig', config);
}

function encode(metadata: object, members: Plain, beside: Plain = {}): string {
  return stringifyJson({ Version: VERSION, Metadata: { ...members, ...keptMembers(metadata) }, ...beside });
}

/** Looks at the members of a stored struct and remembers which ones it was asked for. */
class Stored {
  private readonly asked = new Set<string>();
  constructor(private readonly members: Plain) {}

  value(key: string): unknown {
    this.asked.add(key);
    return Object.hasOwn(this.members, key) ? this.members[key] : undefined;
  }

  text(key: string): string {
    const value = this.value(key) ?? '';
    if (typeof value !== 'string') throw new TypeError(`${key} is not a string`);
    return value;
  }

  texts(key: string): string[] {
    const value = this.value(key) ?? [];
    if (!Array.isArray(value)) throw new TypeError(`${key} is not a list`);
    return value.map(String);
  }

  /** The members nobody asked for. */
  rest(): Plain | undefined {
    return unknownMembers(this.members, (key) => this.asked.has(key));
  }
}

function decode<T extends { readonly id: string }>(data: Buffer, read: (stored: Stored) => T): T | undefined {
  try {
    const envelope = parseJson(data.toString('utf8'));
    if (!isPlain(envelope) || envelope.Version !== VERSION || !isPlain(envelope.Metadata)) return undefined;
    const stored = new Stored(envelope.Metadata);
    const metadata = read(stored);
    if (!metadata.id) return undefined;
    const rest = stored.rest();
    return rest ? { ...metadata, [UNKNOWN_KEYS]: rest } : metadata;
  } catch {
    return undefined;
  }
}
