import { parseJson, stringifyJson } from '../base/json/json';
import { jsonPieces } from '../base/json/json-pieces';
import type { Pieces } from '../base/work/pieces';
import type { Any } from '../model/any';
import type { ContainerMetadata } from '../model/container';
import type { SandboxMetadata } from '../model/sandbox';
import {
  fromGoJson,
  fromGoJsonPieces,
  type GoJsonOptions,
  isPlain,
  keptMembers,
  toGoJson,
  toGoJsonPieces,
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
export function* containerMetadataExtension(metadata: ContainerMetadata, options?: GoJsonOptions): Pieces<Any> {
  const value = yield* jsonPieces(yield* containerDocument(metadata, options));
  return { typeUrl: CONTAINER_METADATA_TYPE, value };
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
  return stringifyJson({ ...documentOf(metadata, members), ...beside });
}

/** The container's metadata as JSON. What older plugins do not know is written only when there is something. */
function* containerDocument(metadata: ContainerMetadata, options?: GoJsonOptions): Pieces<Plain> {
  return documentOf(metadata, {
    ID: metadata.id,
    Name: metadata.name,
    SandboxID: metadata.sandboxId,
    Config: yield* toGoJsonPieces('ContainerConfig', metadata.config, options),
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
  try {
    const stored = storedIn(parseJson(data.toString('utf8')));
    return complete<SandboxMetadata>(stored, {
      id: stored.text('ID'),
      name: stored.text('Name'),
      config: fromGoJson('PodSandboxConfig', stored.value('Config')),
      netnsPath: stored.text('NetNSPath'),
      ip: stored.text('IP'),
      additionalIps: stored.texts('AdditionalIPs'),
      runtimeHandler: stored.text('RuntimeHandler'),
      cniResult: stored.value('CNIResult') ?? undefined,
      processLabel: stored.text('ProcessLabel'),
    });
  } catch {
    return undefined;
  }
}

/** The metadata in a container's extension; undefined when it is torn, of another version or lacks its id. */
export function* parseContainerMetadata(data: Buffer, options?: GoJsonOptions): Pieces<ContainerMetadata | undefined> {
  try {
    const text = data.toString('utf8');
    yield;
    const stored = storedIn(parseJson(text));
    yield;
    return complete<ContainerMetadata>(stored, {
      id: stored.text('ID'),
      name: stored.text('Name'),
      sandboxId: stored.text('SandboxID'),
      config: yield* fromGoJsonPieces('ContainerConfig', stored.value('Config'), options),
      imageRef: stored.text('ImageRef'),
      imageDigest: stored.text('ImageDigest'),
      imageName: stored.text('ImageName'),
      logPath: stored.text('LogPath'),
      stopSignal: stored.text('StopSignal').replace(ENUM_PREFIX, ''),
      processLabel: stored.text('ProcessLabel'),
    });
  } catch {
    return undefined;
  }
}

/** A pod's configuration as `crictl inspectp` shows it. */
export function sandboxConfigJson(config: SandboxMetadata['config']): Plain {
  return toGoJson('PodSandboxConfig', config);
}

/** A container's configuration as `crictl inspect` shows it. */
export function containerConfigJson(config: ContainerMetadata['config']): Pieces<Plain> {
  return toGoJsonPieces('ContainerConfig', config);
}

function documentOf(metadata: object, members: Plain): Plain {
  return { Version: VERSION, Metadata: { ...members, ...keptMembers(metadata) } };
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

/** What is stored in an envelope; throws for one of another version. */
function storedIn(envelope: unknown): Stored {
  if (!isPlain(envelope) || envelope.Version !== VERSION || !isPlain(envelope.Metadata)) {
    throw new TypeError('it is no metadata of this version');
  }
  return new Stored(envelope.Metadata);
}

/** The metadata with the members that nobody asked for; undefined without its id. */
function complete<T extends { readonly id: string }>(stored: Stored, metadata: T): T | undefined {
  if (!metadata.id) return undefined;
  const rest = stored.rest();
  return rest ? { ...metadata, [UNKNOWN_KEYS]: rest } : metadata;
}
