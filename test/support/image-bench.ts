import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../src/base/logger';
import { noMetrics } from '../../src/base/metrics';
import { ContainerdClient } from '../../src/containerd/client';
import type { Platform } from '../../src/images/document/platform';
import { ImagePuller, type ImagePullerOptions, type PullRequest } from '../../src/images/pull/pull';
import { ImageIndex } from '../../src/images/store/image-index';
import type { ListedImage } from '../../src/model/image';
import { FakeContainerd } from './fake-containerd';
import { FakeRegistry } from './fake-registry';
import type { TestBlob } from './test-image';

export const LINUX_AMD64 = { os: 'linux', architecture: 'amd64', variant: '' };
export const SANDBOX_IMAGE = 'registry.k8s.io/pause:3.10.1';

/** Everything that pulling takes, without a network and without a daemon: registries, containerd, an index, a puller. */
export class ImageBench {
  readonly registries: FakeRegistry[] = [];
  readonly configPath = mkdtempSync(join(tmpdir(), 'crisp-certs-'));
  readonly index: ImageIndex;
  puller: ImagePuller;

  private constructor(
    readonly fake: FakeContainerd,
    readonly containerd: ContainerdClient,
    private readonly platform: Platform,
  ) {
    this.index = new ImageIndex({ containerd, log: silentLogger, sandboxImage: SANDBOX_IMAGE, platform });
    this.puller = this.makePuller({});
  }

  /** A bench on a machine of this platform. */
  static async start(platform: Platform = LINUX_AMD64): Promise<ImageBench> {
    const fake = await FakeContainerd.start();
    const { address } = fake;
    return new ImageBench(fake, new ContainerdClient({ address, namespace: 'k8s.io', log: silentLogger }), platform);
  }

  async stop(): Promise<void> {
    this.containerd.close();
    await Promise.all([this.fake.stop(), ...this.registries.map((registry) => registry.stop())]);
    rmSync(this.configPath, { recursive: true });
  }

  /** One more registry; it is stopped with the bench. */
  async registry(...how: Parameters<typeof FakeRegistry.start>): Promise<FakeRegistry> {
    const registry = await FakeRegistry.start(...how);
    this.registries.push(registry);
    return registry;
  }

  /** The `hosts.toml` of a registry. */
  hosts(domain: string, text: string): void {
    mkdirSync(join(this.configPath, domain), { recursive: true });
    writeFileSync(join(this.configPath, domain, 'hosts.toml'), text);
  }

  makePuller(options: Partial<ImagePullerOptions>): ImagePuller {
    return new ImagePuller({
      containerd: this.containerd,
      index: this.index,
      log: silentLogger,
      metrics: noMetrics,
      configPath: this.configPath,
      maxConcurrentDownloads: 3,
      progressTimeoutMs: 0,
      discardUnpackedLayers: false,
      disableSnapshotAnnotations: true,
      pinned: [SANDBOX_IMAGE],
      platform: this.platform,
      retry: { attempts: 3, firstMs: 1, maxMs: 2 },
      env: {},
      ...options,
    });
  }

  /** Pulls with what is usual: snapshotter overlayfs, a signal that never fires. */
  pull(reference: string, more: Partial<PullRequest> = {}): Promise<ListedImage> {
    const { signal } = new AbortController();
    return this.puller.pull({ reference, snapshotter: 'overlayfs', signal, ...more });
  }

  /** What pulls have left: whatever is not an image that is listed. */
  get left(): { blobs: number; images: number; snapshots: number } {
    const { blobs, images, snapshots } = this.fake.state;
    return { blobs: blobs.size, images: images.size, snapshots: snapshots.size };
  }

  /** Puts a blob into the content store, as an import does. */
  store({ digest, data }: TestBlob, labels: Record<string, string> = {}): void {
    const at = this.fake.world.now();
    this.fake.state.blobs.set(digest, { data, labels, createdAt: at, updatedAt: at });
  }

  /** Puts a record into the image store, as an import does. */
  name(name: string, { mediaType, digest, size }: TestBlob, labels: Record<string, string> = {}): void {
    const target = { mediaType, digest, size: BigInt(size), annotations: {} };
    this.fake.state.images.set(name, { name, labels, target });
  }
}

export const NOTHING = { blobs: 0, images: 0, snapshots: 0 };
