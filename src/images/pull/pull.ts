import { createHash } from 'node:crypto';
import { errorMessage } from '../../base/errors';
import { HeapRoom } from '../../base/heap-room';
import { newSuffix } from '../../base/ids';
import type { Logger } from '../../base/logger';
import type { Metrics } from '../../base/metrics';
import { StandingProblems } from '../../base/standing-problems';
import { KeyedMutex } from '../../base/work/keyed-mutex';
import { SharedWork } from '../../base/work/shared-work';
import type { Descriptor, ListedImage } from '../../model/image';
import { type ImageBackend, underLease, type Work } from '../backend';
import type { ChosenImage } from '../document/choose-image';
import { hostPlatform, type Platform } from '../document/platform';
import { parseReference, type Reference, tryParseReference } from '../document/reference';
import { refused } from '../errors';
import { TrustStore } from '../registry/certificates';
import type { PullAuth } from '../registry/credentials';
import { DeadHosts } from '../registry/dead-hosts';
import { registryHosts } from '../registry/hosts-dir';
import { HttpClient } from '../registry/http';
import { Progress } from '../registry/progress';
import type { ProxyEnvironment } from '../registry/proxy';
import { Registry } from '../registry/registry';
import { DEFAULT_RETRY, type RetryRule } from '../registry/retry';
import type { ImageIndex } from '../store/image-index';
import { putRecords, recordLabels, recordNames } from '../store/image-records';
import { imageFacts } from '../store/local-image';
import { sourceLabels } from '../unpack/content-labels';
import { BlobTurns } from './blob-turns';
import { DownloadSlots } from './download-slots';
import { BlobFetcher } from './fetch-blob';
import { fetchImage, pullFailure, type VerifyImage } from './fetch-image';

export interface ImagePullerOptions {
  readonly containerd: ImageBackend;
  readonly index: ImageIndex;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Directories with a `hosts.toml` per registry, separated by colons. */
  readonly configPath: string;
  /** Blobs of one image fetched at once. */
  readonly maxConcurrentDownloads: number;
  /** A pull for which no byte arrives for so long is given up; 0: never. */
  readonly progressTimeoutMs: number;
  /** Bigger blobs are fetched in parts of so many bytes, side by side, and kept in memory until it is their turn; 0: never. */
  readonly layerPartBytes?: number;
  readonly discardUnpackedLayers: boolean;
  readonly disableSnapshotAnnotations: boolean;
  /** References of images that kubelet must not collect. */
  readonly pinned: readonly string[];
  /** Asked before anything of an image is fetched; left out: everything may be pulled. */
  readonly verify?: VerifyImage;
  readonly platform?: Platform;
  readonly retry?: RetryRule;
  /** How long a pull waits for others that hardly get on, for a slot or a blob of theirs; 30 s unless given. */
  readonly patienceMs?: number;
  /** Where proxies and certificates are named; the process's environment unless given. */
  readonly env?: ProxyEnvironment;
}

export interface PullRequest {
  readonly reference: string;
  readonly auth?: PullAuth;
  readonly snapshotter: string;
  readonly signal: AbortSignal;
}

/** Blobs fetched at once over all pulls: a node that starts many pods must not run out of descriptors and memory. */
const ALL_DOWNLOADS = 32;

const allowAll: VerifyImage = async () => undefined;

/** Fetches images from registries into containerd. */
export class ImagePuller {
  private readonly turns: BlobTurns;
  private readonly unpacks = new KeyedMutex();
  private readonly slots: DownloadSlots;
  private readonly trust: TrustStore;
  private readonly deadHosts = new DeadHosts();
  private readonly pulls = new SharedWork<ListedImage>();
  private readonly room = new HeapRoom();
  private readonly pinned: ReadonlySet<string>;
  private readonly platform: Platform;
  private readonly passedOver: StandingProblems;

  constructor(private readonly options: ImagePullerOptions) {
    this.trust = new TrustStore(options.env);
    this.passedOver = new StandingProblems((file, error) =>
      options.log.warn('registry configuration passed over', { file, error }),
    );
    this.turns = new BlobTurns(options.patienceMs);
    this.slots = new DownloadSlots(Math.max(ALL_DOWNLOADS, options.maxConcurrentDownloads));
    this.pinned = new Set(options.pinned.map((text) => tryParseReference(text)?.toString() ?? text));
    this.platform = options.platform ?? hostPlatform();
  }

  /**
   * Fetches an image and unpacks it. Afterwards it is recorded under its id, its reference and its digest, and listed.
   * If it fails nothing is recorded, and what was fetched is left to containerd's collector. Equal pulls at the same time
   * are one. Throws a PullError, a ContainerdError, or the signal's reason.
   */
  async pull(request: PullRequest): Promise<ListedImage> {
    const reference = parseReference(request.reference);
    const key = [reference.toString(), request.snapshotter, fingerprint(request.auth)].join(' ');
    const started = performance.now();
    const took = (): number => (performance.now() - started) / 1000;
    try {
      const image = await this.pulls.run(key, request.signal, (signal) =>
        this.room.while(() => this.pullOnce({ ...request, signal }, reference)),
      );
      this.options.metrics.time('crisp_image_pull_seconds', took(), { outcome: 'ok' });
      return image;
    } catch (error) {
      this.options.metrics.time('crisp_image_pull_seconds', took(), { outcome: 'failed' });
      throw error;
    }
  }

  private async pullOnce(request: PullRequest, reference: Reference): Promise<ListedImage> {
    const { options } = this;
    using progress = new Progress(request.signal, options.progressTimeoutMs);
    const http = new HttpClient(this.trust, options.env, this.deadHosts);
    try {
      return await underLease(options.containerd, `crisp-pull-${newSuffix()}`, (lease) =>
        this.fetchAndRecord({ request, reference, progress, http, lease }),
      );
    } catch (error) {
      throw pullFailure(error, progress.signal, reference.toString());
    } finally {
      http.close();
      options.metrics.count('crisp_image_pull_bytes_total', {}, progress.bytes);
    }
  }

  private async fetchAndRecord(pull: OnePull): Promise<ListedImage> {
    const { options } = this;
    const { request, reference, progress, http } = pull;
    const work = { lease: pull.lease, signal: progress.signal };
    const retry = options.retry ?? DEFAULT_RETRY;
    const passOver = (file: string, problem: string): void => this.passedOver.met(file, problem);
    const hosts = await registryHosts(options.configPath, reference.domain, passOver, progress.signal);
    const registry = new Registry({ http, hosts, reference, auth: request.auth, progress, retry });
    const slots = new DownloadSlots(options.maxConcurrentDownloads, this.slots, options.patienceMs);
    const shared = { turns: this.turns, slots, partBytes: options.layerPartBytes ?? 0 };
    const labels = sourceLabels(reference);
    const blobs = new BlobFetcher({
      backend: options.containerd,
      registry,
      work,
      labels,
      retry,
      log: options.log,
      ...shared,
    });
    const { target, chosen } = await fetchImage({
      backend: options.containerd,
      registry,
      blobs,
      progress,
      work,
      unpacks: this.unpacks,
      platform: this.platform,
      snapshotter: request.snapshotter,
      reference: reference.toString(),
      verify: options.verify ?? allowAll,
      discardUnpackedLayers: options.discardUnpackedLayers,
      snapshotAnnotations: !options.disableSnapshotAnnotations,
    });
    return this.record(reference, { target, chosen }, work);
  }

  /** Once it is recorded the image is here, and nothing that follows may fail the pull. */
  private async record(
    reference: Reference,
    { target, chosen }: { target: Descriptor; chosen: ChosenImage },
    work: Work,
  ): Promise<ListedImage> {
    const { index, containerd, log } = this.options;
    const facts = imageFacts(chosen);
    const names = recordNames(reference, target, facts.id);
    const pinned = this.pinned.has(reference.toString());
    await putRecords(containerd.images, names, { target, labels: recordLabels(pinned) }, work);
    try {
      for (const name of names) await index.refresh(name);
    } catch (error) {
      log.warn('a pulled image could not be read back', {
        reference: reference.toString(),
        error: errorMessage(error),
      });
      index.learn(names, { target, pinned }, facts);
    }
    const image = index.find(facts.id);
    if (!image) throw refused(`the image ${facts.id} was removed while it was being pulled`);
    return image;
  }
}

interface OnePull {
  readonly request: PullRequest;
  readonly reference: Reference;
  readonly progress: Progress;
  readonly http: HttpClient;
  readonly lease: string;
}

/** Tells equal credentials from others without keeping them. */
function fingerprint(auth: PullAuth | undefined): string {
  const { username, password, auth: encoded, serverAddress, identityToken, registryToken } = auth ?? {};
  const parts = [username, password, encoded, serverAddress, identityToken, registryToken].map((part) => part ?? '');
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
