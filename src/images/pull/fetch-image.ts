import type { KeyedMutex } from '../../base/work/keyed-mutex';
import type { Descriptor } from '../../model/image';
import type { ImageBackend, Work } from '../backend';
import { type ChosenImage, chooseImage } from '../document/choose-image';
import { chainIds } from '../document/digest';
import { MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES } from '../document/document-limits';
import type { Document } from '../document/manifests';
import type { Platform } from '../document/platform';
import { PullError, refused } from '../errors';
import type { Progress } from '../registry/progress';
import type { Registry, Resolved } from '../registry/registry';
import { childLabels } from '../unpack/content-labels';
import { countUnpacked } from '../unpack/unpack';
import { unpackImage } from '../unpack/unpack-image';
import type { BlobFetcher } from './fetch-blob';

/** Resolves when an image may be pulled: what its reference points at is known by then, and nothing of it is here. */
export type VerifyImage = (image: { name: string; target: Descriptor; signal: AbortSignal }) => Promise<void>;

/** Everything one pull works with. */
export interface PullJob {
  readonly backend: ImageBackend;
  readonly registry: Registry;
  readonly blobs: BlobFetcher;
  readonly progress: Progress;
  readonly work: Work;
  readonly unpacks: KeyedMutex;
  readonly platform: Platform;
  readonly snapshotter: string;
  readonly reference: string;
  /** Rejects for an image that must not come here. */
  readonly verify: VerifyImage;
  readonly discardUnpackedLayers: boolean;
  /** Snapshotters are told where layers come from; layers they mount from elsewhere are not fetched. */
  readonly snapshotAnnotations: boolean;
}

/**
 * Brings an image here: index, manifest, config and layers into the content store, its layers into the snapshotter,
 * each unpacked while those above it still arrive. All of it is kept by the job's lease alone.
 */
export async function fetchImage(job: PullJob): Promise<{ target: Descriptor; chosen: ChosenImage }> {
  const resolved = await job.registry.resolve();
  await job.verify({ name: job.reference, target: resolved.descriptor, signal: job.work.signal });
  const source = {
    manifest: (descriptor: Descriptor) => readManifest(job, descriptor, resolved),
    parsed: (descriptor: Descriptor, data: Buffer, document: Document) =>
      keepManifest(job, { descriptor, data, document }),
    config: (descriptor: Descriptor) => readConfig(job, descriptor),
  };
  const target = resolved.descriptor;
  const chosen = await chooseImage(target, { source, platform: job.platform, anyPlatform: false });
  await fetchAndUnpack(job, chosen);
  return { target, chosen };
}

async function readManifest(job: PullJob, descriptor: Descriptor, resolved: Resolved): Promise<Buffer> {
  if (resolved.document && descriptor.digest === resolved.descriptor.digest) return resolved.document;
  const { digest, size } = descriptor;
  if (size > BigInt(MAX_MANIFEST_BYTES))
    throw refused(`the manifest ${digest} is bigger than ${MAX_MANIFEST_BYTES} bytes`);
  const here = (await job.blobs.keep(digest))
    ? await job.backend.content.readAll(digest, { maxBytes: MAX_MANIFEST_BYTES, ...job.work })
    : undefined;
  const data = here ?? (await job.registry.manifest(descriptor, digest === resolved.descriptor.digest));
  if (BigInt(data.length) !== size) throw refused(`the manifest ${digest} has ${data.length} bytes instead of ${size}`);
  return data;
}

async function keepManifest(
  job: PullJob,
  { descriptor, data, document }: { descriptor: Descriptor; data: Buffer; document: Document },
): Promise<void> {
  await job.blobs.put(descriptor, data, childLabels(document, { withLayers: !job.discardUnpackedLayers }));
}

async function readConfig(job: PullJob, descriptor: Descriptor): Promise<Buffer> {
  await job.blobs.fetch({ descriptor, urls: [] });
  const data = await job.backend.content.readAll(descriptor.digest, { maxBytes: MAX_CONFIG_BYTES, ...job.work });
  if (!data) throw refused(`the config ${descriptor.digest} was fetched and is gone again`);
  return data;
}

async function fetchAndUnpack(job: PullJob, chosen: ChosenImage): Promise<void> {
  const { backend, work, snapshotter, unpacks, progress } = job;
  const chain = chainIds(chosen.parsed.diffIds);
  const layers = new LayerFetches(job, chosen);
  // A snapshotter that mounts no layers from elsewhere does not stand in for their content: all of an image is here then.
  const isWhole = !job.snapshotAnnotations && !job.discardUnpackedLayers;
  const hints = { reference: job.reference, manifestDigest: chosen.manifest.digest, layers: chosen.layers };
  try {
    const unpacked = await countUnpacked(backend, snapshotter, chain, work);
    if (isWhole) layers.beginUpTo(0, unpacked);
    await unpackImage(
      {
        snapshotter,
        configDigest: chosen.config.digest,
        layers: chosen.layers,
        diffIds: chosen.parsed.diffIds,
        ...(job.snapshotAnnotations ? { hints } : {}),
      },
      {
        backend,
        work,
        locks: unpacks,
        content: (at) => {
          layers.begin(at + 1); // what lies above a layer that must be fetched will have to be fetched too, most likely
          return layers.fetch(at);
        },
        elsewhere: (at) => {
          if (!job.snapshotAnnotations) layers.begin(isWhole ? at : at + 1);
        },
      },
    );
    await layers.all();
  } catch (error) {
    progress.abort(error);
    await layers.settled();
    throw error;
  }
}

/** The layers of an image on their way here, each fetched once. */
class LayerFetches {
  private readonly fetches = new Map<number, Promise<void>>();
  /** All layers from this one on have been begun. */
  private begunFrom: number;

  constructor(
    private readonly job: PullJob,
    private readonly chosen: ChosenImage,
  ) {
    this.begunFrom = chosen.layers.length;
  }

  /** Resolves when the content of layer `at` is here. */
  fetch(at: number): Promise<void> {
    const under = this.fetches.get(at) ?? fetchLayer(this.job, this.chosen, at);
    this.fetches.set(at, under);
    return under;
  }

  /** Begins to fetch all layers from `first` on. A failure stops the whole pull. Many calls take no longer than one. */
  begin(first: number): void {
    this.beginUpTo(first, this.begunFrom);
    this.begunFrom = Math.min(this.begunFrom, first);
  }

  /** Begins to fetch the layers from `first` on, `end` excluded. */
  beginUpTo(first: number, end: number): void {
    for (let at = first; at < end; at++) void this.fetch(at).catch(() => undefined);
  }

  /** Resolves when all are here that were begun; rejects with the first failure. */
  async all(): Promise<void> {
    await Promise.all(this.fetches.values());
  }

  /** Resolves when none is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.fetches.values());
  }
}

/** Fetches one layer; its failure stops the whole pull. */
async function fetchLayer(job: PullJob, chosen: ChosenImage, at: number): Promise<void> {
  const layer = chosen.layers[at];
  if (!layer) throw new RangeError(`the image has no layer ${at}`);
  try {
    await job.blobs.fetch(layer);
  } catch (error) {
    if (!job.progress.signal.aborted) job.progress.abort(error);
    throw error;
  }
}

/** What is thrown out of a pull: the first cause, with the reference named if the words are ours. */
export function pullFailure(error: unknown, signal: AbortSignal, reference: string): unknown {
  const first: unknown = signal.aborted ? signal.reason : error;
  return first instanceof PullError ? new PullError(first.kind, `pull "${reference}": ${first.message}`) : first;
}
