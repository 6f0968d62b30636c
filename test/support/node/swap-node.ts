import { join } from 'node:path';

import { CriClient } from '../../../src/client/cri-client';
import { createPodNetwork, moveResults, PLUGIN_CACHE, type PodNetwork } from '../daemon/cni';
import { type Containerd, type ContainerdVersion, containerdPrograms, startContainerd } from '../daemon/containerd';
import { type Crisp, startCrisp } from '../daemon/crisp';
import { testImages } from '../daemon/images/catalog';
import { describeLeftovers, leftovers } from '../daemon/leftovers';
import { until } from '../daemon/process';
import { startRegistry } from '../daemon/registry';
import { cniVersionOf } from '../daemon/releases';
import { createScratch, removeScratch } from '../daemon/scratch';
import { removePods } from './pods';

/** The pause image that containerd's own plugin asks for by default: crisp is told to use the same. */
const PAUSE_OF: Readonly<Record<ContainerdVersion, string>> = {
  '1.6': 'registry.k8s.io/pause:3.6',
  '1.7': 'registry.k8s.io/pause:3.8',
  '2.3': 'registry.k8s.io/pause:3.10.2',
  '2': 'registry.k8s.io/pause:3.10.2',
};
/** An image for whoever comes second to pull. */
export const HTTPD = 'registry.k8s.io/e2e-test-images/httpd:2.4.39-4';
const WANTED = /^(pause:3\.[\d.]+|e2e-test-images\/(busybox:1\.29-2|nginx:1\.14-2|httpd:2\.4\.39-4))$/;

/** Who serves CRI on a node. */
export type Server = 'plugin' | 'crisp';

type Act = () => Promise<void> | void;

/** What happens between the one and the other. */
export interface Meanwhile {
  /** While containerd runs and nobody serves CRI. */
  readonly unserved?: Act;
  /** While containerd is away. */
  readonly away?: Act;
}

/** A node whose CRI is served by containerd's own plugin or by crisp, one after the other, with the same pods. */
export class SwapNode {
  private readonly undo: Act[] = [];
  private client: CriClient | undefined;
  private started: Crisp | undefined;

  private constructor(
    readonly version: ContainerdVersion,
    readonly dir: string,
    readonly containerd: Containerd,
    readonly network: PodNetwork,
    private readonly certsDir: string,
  ) {}

  /** Starts everything but crisp, with the plugin on. What has started is stopped again when a later part fails. */
  static async start(version: ContainerdVersion): Promise<SwapNode> {
    const dir = createScratch();
    const undo: Act[] = [];
    try {
      const registry = await startRegistry(dir);
      undo.push(() => registry.stop());
      await registry.push(testImages().filter(({ names }) => names.some((name) => WANTED.test(name))));
      const binDirs = [containerdPrograms(version).cniBinDir];
      const network = createPodNetwork({ dir, binDirs, cniVersion: cniVersionOf(version) });
      const { certsDir } = registry;
      const containerd = await startContainerd({ version, dir, plugin: { network, certsDir } });
      undo.push(() => removeScratch(dir, containerd.address));
      undo.push(() => network.remove());
      undo.push(() => containerd.stop());
      const node = new SwapNode(version, dir, containerd, network, certsDir);
      node.undo.push(...undo);
      undo.splice(0, undo.length, () => node.stop());
      await node.connect(containerd.address);
      return node;
    } catch (error) {
      for (const step of undo.reverse()) await step();
      throw error;
    }
  }

  /** The CRI of whoever serves just now. */
  get cri(): CriClient {
    if (!this.client) throw new Error('nobody serves CRI just now');
    return this.client;
  }

  /** crisp, once it has been started. */
  get crisp(): Crisp {
    if (!this.started) throw new Error('crisp has not been started yet');
    return this.started;
  }

  /** The plugin is turned off, then crisp is started. */
  async toCrisp({ away, unserved }: Meanwhile = {}, settings: Record<string, unknown> = {}): Promise<void> {
    this.disconnect();
    await this.containerd.stop();
    await away?.();
    moveResults(this.network.name, PLUGIN_CACHE, this.network.cacheDir);
    await this.containerd.restart({ plugin: false });
    await unserved?.();
    await this.startCrisp(settings);
  }

  /** Starts crisp, for the first time or again. */
  async startCrisp(more: Record<string, unknown> = {}): Promise<void> {
    if (this.started) await this.started.start();
    else {
      const { dir, containerd, network, certsDir } = this;
      const settings = { sandbox_image: PAUSE_OF[this.version], log: { level: 'debug' }, ...more };
      this.started = await startCrisp({ dir, containerd, network, certsDir, settings });
    }
    await this.connect(this.crisp.socket);
  }

  /** crisp is ended, then the plugin is turned on. */
  async toPlugin({ unserved, away, how = 'stop' }: Meanwhile & { how?: 'stop' | 'kill' } = {}): Promise<void> {
    this.disconnect();
    await this.crisp[how]();
    await unserved?.();
    await this.containerd.stop();
    await away?.();
    await this.pluginOn();
  }

  /** containerd is started again with its plugin on, whoever else is there. */
  async pluginOn(): Promise<void> {
    this.disconnect();
    moveResults(this.network.name, this.network.cacheDir, PLUGIN_CACHE);
    await this.containerd.restart({ plugin: true });
    await this.connect(this.containerd.address);
  }

  /** containerd is started again with its plugin off, for a crisp that runs and waits for that. */
  async backToCrisp(): Promise<void> {
    this.disconnect();
    await this.containerd.stop();
    moveResults(this.network.name, PLUGIN_CACHE, this.network.cacheDir);
    await this.containerd.restart({ plugin: false });
    await this.connect(this.crisp.socket);
  }

  /** What pods have left behind, as text; `0` when nothing. To be asked while crisp serves. */
  left(): string {
    const { containerd, network, dir, crisp } = this;
    const recordDirs = [...crisp.recordDirs, join(dir, 'crisp/root/sandboxes')];
    moveResults(network.name, PLUGIN_CACHE, network.cacheDir);
    return describeLeftovers(leftovers({ containerd, network, dir, netnsDir: crisp.netnsDir, recordDirs }));
  }

  /** Afterwards every pod is removed, every daemon ended and the scratch folder gone. */
  async stop(): Promise<void> {
    const errors: unknown[] = [];
    const steps = [...this.undo.splice(0), () => this.started?.endStdio(), () => this.started?.stop()];
    if (this.client) steps.push(() => removePods(this));
    for (const step of steps.reverse()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    this.disconnect();
    if (errors.length > 0) throw errors[0];
  }

  private disconnect(): void {
    this.client?.close();
    this.client = undefined;
  }

  /** Waits until there is an answer: pods are found again first. */
  private async connect(socket: string): Promise<void> {
    this.disconnect();
    const client = new CriClient(socket);
    this.client = client;
    await until(`CRI is served at ${socket}`, 30_000, () =>
      client.runtime.listPodSandbox({ filter: undefined }, { timeoutMs: 2000 }).then(
        () => true,
        () => false,
      ),
    );
  }
}
