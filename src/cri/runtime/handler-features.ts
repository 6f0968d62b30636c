import { errorMessage } from '../../base/errors';
import { parseForeignJson } from '../../base/json/foreign-json';
import { goStruct, readAsGo } from '../../base/json/go-fields';
import type { Logger } from '../../base/logger';
import type { ContainerdClient } from '../../containerd/client';
import { runtimeFeatures, runtimeRequest } from '../../containerd/runtime-options';
import type { HostFacts } from '../../model/host-facts';
import type { RuntimeHandler } from '../../model/runtime-handler';

/** What a handler's pods can have. */
export interface Features {
  readonly recursiveReadOnlyMounts: boolean;
  /** Which part lacks for user namespaces; empty: they work. */
  readonly usernsMissing: string;
  /** Annotations that the OCI runtime itself acts on. */
  readonly unsafeAnnotations: readonly string[];
  /** The lowest release of runtime-spec that the OCI runtime takes, if it says so. */
  readonly ociVersionMin?: string;
}

/** The parts of an OCI runtime's features document (runtime-spec features.md) that are looked at. */
interface FeaturesDocument {
  ociVersionMin?: string;
  mountOptions?: string[];
  linux?: { namespaces?: string[]; mountExtensions?: { idmap?: { enabled?: boolean } } };
  potentiallyUnsafeConfigAnnotations?: string[];
}

const FEATURES_SHAPE = goStruct('mountOptions potentiallyUnsafeConfigAnnotations', {
  linux: goStruct('namespaces', { mountExtensions: goStruct('', { idmap: goStruct('enabled') }) }),
});

const PROBE_TIMEOUT_MS = 10_000;
/** A handler that could not be asked is asked again after this long: not at once, since each pod would wait for the probe. */
const ASK_AGAIN_MS = 60_000;
/** mount_setattr(2): recursive read-only and idmapped mounts. */
const KERNEL_WITH_MOUNT_SETATTR = { major: 5, minor: 12 };

export interface FeatureSources {
  readonly containerd: ContainerdClient;
  readonly facts: () => HostFacts;
  readonly log: Logger;
  /** Runs `<binary> features`; what a daemon without that question is answered with. */
  readonly runFeatures: (binary: string) => Promise<Buffer>;
}

interface Known {
  readonly features: Promise<Features>;
  /** By the clock of `performance.now()`. Infinity: the handler has answered, or is being asked. */
  goodUntil: number;
}

/** Finds out what each handler can do, once per connection to the daemon; again when the handler could not be asked. */
export class HandlerFeatures {
  private readonly known = new Map<string, Known>();

  constructor(private readonly sources: FeatureSources) {}

  /** Never rejects: what cannot be asked counts as missing, until it is asked again a minute later. */
  of(handler: RuntimeHandler): Promise<Features> {
    const before = this.known.get(handler.name);
    if (before && performance.now() < before.goodUntil) return before.features;
    const onDoubt = (error: unknown): void => {
      known.goodUntil = performance.now() + ASK_AGAIN_MS;
      this.sources.log.info('a runtime does not tell its features', {
        handler: handler.name,
        error: errorMessage(error),
      });
    };
    const known: Known = { features: this.find(handler, onDoubt), goodUntil: Number.POSITIVE_INFINITY };
    this.known.set(handler.name, known);
    return known.features;
  }

  /** Ask again: the daemon behind the socket may be another. */
  forget(): void {
    this.known.clear();
  }

  /** `onDoubt` gets the error of what could not be asked. */
  private async find(handler: RuntimeHandler, onDoubt: (error: unknown) => void): Promise<Features> {
    const document = (await this.document(handler).catch(onDoubt)) ?? undefined;
    const kernel = kernelHas(this.sources.facts(), KERNEL_WITH_MOUNT_SETATTR);
    const usernsMissing = await this.usernsMissing(handler, document, kernel).catch((error: unknown) => {
      onDoubt(error);
      return `snapshotter "${handler.snapshotter}" could not be asked whether it can shift ids`;
    });
    return {
      recursiveReadOnlyMounts: kernel && (document?.mountOptions ?? []).includes('rro'),
      usernsMissing,
      unsafeAnnotations: document?.potentiallyUnsafeConfigAnnotations ?? [],
      ociVersionMin: document?.ociVersionMin,
    };
  }

  /** The daemon runs the handler's shim to find out (1.7.34, 2.x); before, only a binary on this host can be asked. */
  private async document(handler: RuntimeHandler): Promise<FeaturesDocument | undefined> {
    const options = runtimeRequest(handler.runtimePath || handler.runtimeType, handler.options);
    const info = await this.sources.containerd.introspection.pluginInfo(
      { type: 'io.containerd.runtime.v2', id: 'task', options },
      { timeoutMs: PROBE_TIMEOUT_MS },
    );
    const answered = info?.extra && runtimeFeatures(info.extra);
    if (answered) return parseFeatures(answered);
    if (handler.runtimeType !== 'io.containerd.runc.v2') return undefined;
    const binary = handler.optionsTable.BinaryName;
    const text = await this.sources.runFeatures(typeof binary === 'string' && binary !== '' ? binary : 'runc');
    return parseFeatures(text);
  }

  private async usernsMissing(
    handler: RuntimeHandler,
    document: FeaturesDocument | undefined,
    kernel: boolean,
  ): Promise<string> {
    if (!kernel) return 'the kernel has no idmapped mounts (5.12)';
    if (!document?.linux?.namespaces?.includes('user')) return 'the OCI runtime does not offer user namespaces';
    if (!document.linux.mountExtensions?.idmap?.enabled) return 'the OCI runtime has no idmapped mounts (runc 1.2)';
    const plugins = await this.sources.containerd.introspection.plugins([
      `type==io.containerd.snapshotter.v1,id==${handler.snapshotter}`,
    ]);
    const remaps = plugins.some((plugin) => plugin.capabilities.includes('remap-ids'));
    return remaps ? '' : `snapshotter "${handler.snapshotter}" of this containerd cannot shift ids`;
  }
}

function parseFeatures(text: Buffer): FeaturesDocument {
  return readAsGo(parseForeignJson(text.toString('utf8')), FEATURES_SHAPE) as FeaturesDocument;
}

function kernelHas(facts: HostFacts, wanted: { major: number; minor: number }): boolean {
  const { major, minor } = facts.kernel;
  return major > wanted.major || (major === wanted.major && minor >= wanted.minor);
}
