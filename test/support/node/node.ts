import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { CriClient } from '../../../src/client/cri-client';
import { createPodNetwork, type PodNetwork } from '../daemon/cni';
import { type Containerd, type ContainerdVersion, containerdPrograms, startContainerd } from '../daemon/containerd';
import { type Crisp, startCrisp } from '../daemon/crisp';
import { testImages } from '../daemon/images/catalog';
import { describeLeftovers, type LeftoverPlaces, type Leftovers, leftovers } from '../daemon/leftovers';
import { checkout } from '../daemon/places';
import { until } from '../daemon/process';
import { type Registry, startRegistry } from '../daemon/registry';
import { cniVersionOf } from '../daemon/releases';
import { createScratch, removeScratch } from '../daemon/scratch';

import type { FakeServiceManager } from '../service-manager';

export const BUSYBOX = 'registry.k8s.io/e2e-test-images/busybox:1.29-2';
export const NGINX = 'registry.k8s.io/e2e-test-images/nginx:1.14-2';
export const PAUSE = 'registry.k8s.io/pause:3.10.1';

export interface NodeOptions {
  readonly version?: ContainerdVersion;
  /** Merged over the top level of crisp's configuration. */
  readonly settings?: Record<string, unknown> | ((dir: string) => Record<string, unknown>);
  /** Who starts crisp, given the node's folder. */
  readonly manager?: (dir: string) => FakeServiceManager;
  /** More of crisp's environment, given the node's folder. */
  readonly env?: (dir: string) => NodeJS.ProcessEnv;
  /** The command line that is run instead of crisp's own. */
  readonly launch?: (argv: readonly string[]) => readonly string[];
  /** containerd is stopped again before crisp starts. */
  readonly withoutContainerd?: boolean;
  /** Something between crisp and containerd: crisp is told its address. */
  readonly inFront?: (containerd: Containerd, dir: string) => Promise<Front>;
  /** What pods' plugins are run from, given the folder that has them. */
  readonly pluginDir?: (dir: string, binDir: string) => string;
}

/** What stands before containerd; stopped with the node. */
export interface Front {
  readonly address: string;
  stop(): Promise<void>;
}

/** A whole node of a test's own: containerd, a registry with the test images, a pod network, crisp, and a client of it. */
export interface TestNode {
  readonly dir: string;
  readonly containerd: Containerd;
  readonly registry: Registry;
  readonly network: PodNetwork;
  readonly crisp: Crisp;
  readonly cri: CriClient;
  /** A connection of its own, for calls that outlive others. Closed with the node. */
  connect(): CriClient;
  /** What is on the machine and in containerd because of pods. */
  traces(): Leftovers;
  /** What pods have left behind, as text; `0` when nothing. */
  left(): string;
  /** Afterwards every pod is removed, every daemon ended and the scratch folder gone. */
  stop(): Promise<void>;
}

/** Starts the node's parts; the caller stops it. What has started is stopped again when a later part fails. */
export async function startNode(options: NodeOptions = {}): Promise<TestNode> {
  const { version = '1.6' } = options;
  const dir = createScratch();
  const settings = typeof options.settings === 'function' ? options.settings(dir) : options.settings;
  const undo: (() => Promise<void> | void)[] = [];
  const clean = async (): Promise<void> => {
    const errors: unknown[] = [];
    // What fails must not leave the daemons below it running.
    for (const step of undo.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  };
  try {
    const registry = await startRegistry(dir);
    undo.push(() => registry.stop());
    await registry.push(testImages().filter(({ names }) => names.some((name) => WANTED.test(name))));
    const { cniBinDir } = containerdPrograms(version);
    const binDirs = [options.pluginDir?.(dir, cniBinDir) ?? cniBinDir];
    const network = createPodNetwork({ dir, binDirs, cniVersion: cniVersionOf(version) });
    const containerd = await startContainerd({ version, dir });
    undo.push(() => removeScratch(dir, containerd.address));
    undo.push(() => network.remove());
    undo.push(() => containerd.stop());
    if (options.withoutContainerd) await containerd.stop();
    // Somebody may be building it right now.
    const built = join(checkout(), 'dist/crisp.js');
    await until('dist/crisp.js is built', 30_000, async () => existsSync(built));
    const front = await options.inFront?.(containerd, dir);
    undo.push(() => front?.stop());
    const { address } = front ?? containerd;
    const behind = { address, root: containerd.root, state: containerd.state };
    const manager = options.manager?.(dir);
    const env = options.env?.(dir);
    const { certsDir } = registry;
    const { launch } = options;
    const crisp = await startCrisp({ dir, containerd: behind, network, certsDir, settings, manager, env, launch });
    undo.push(() => crisp.endStdio());
    undo.push(() => crisp.stop());
    const clients: CriClient[] = [];
    undo.push(() => clients.forEach((client) => void client.close()));
    const connect = (): CriClient => {
      const client = new CriClient(crisp.socket);
      clients.push(client);
      return client;
    };
    const cri = connect();
    undo.push(() => removeEveryPod(cri));
    const { netnsDir, recordDirs, journalDir, stdioNotesDir } = crisp;
    const places: LeftoverPlaces = { containerd, network, dir, netnsDir, recordDirs, journalDir, stdioNotesDir };
    const traces = (): Leftovers => leftovers(places);
    const left = (): string => describeLeftovers(traces());
    return { dir, containerd, registry, network, crisp, cri, connect, traces, left, stop: clean };
  } catch (error) {
    await clean();
    throw error;
  }
}

const WANTED = /^(pause:3\.[\d.]+|e2e-test-images\/(busybox:1\.29-2|nginx:1\.14-2))$/;

async function removeEveryPod(cri: CriClient): Promise<void> {
  const { items } = await cri.runtime.listPodSandbox({ filter: undefined });
  for (const { id } of items) await cri.runtime.removePodSandbox({ podSandboxId: id });
}
