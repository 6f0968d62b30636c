import { randomBytes } from 'node:crypto';
import { type FSWatcher, readdirSync, rmdirSync, watch } from 'node:fs';
import { basename, join } from 'node:path';
import { tar } from '../../scripts/local-images/tar';
import type { ContainerdVersion } from '../support/daemon/containerd';
import type { ImageDefinition } from '../support/daemon/images/push';
import { file } from '../support/daemon/images/trees';
import { type WrappedPlugins, wrapPlugins } from '../support/daemon/wrapped-plugins';
import { type Infra, infraSettings } from '../support/infra';
import { foldersOf, makeCgroup, removeCgroup } from '../support/kubelet/cgroup';
import { BUSYBOX, PAUSE, startNode, type TestNode } from '../support/node/node';
import { ensurePulled, removePod, runContainer, runPod, shell } from '../support/node/pods';
import type { Seeded } from '../support/seeded';

/** An image that is pulled and removed again and again; no container has it. */
export const PULLED = 'registry.k8s.io/soak/pulled:1';
/** No registry has it. */
export const ABSENT = 'registry.k8s.io/soak/absent:1';
const LAYER_BYTES = 1 << 20;
const PLUGINS = ['bridge', 'portmap', 'bandwidth'] as const;
const CNI_FAILS_ONCE_IN = 20;
const ID = /^[0-9a-f]{64}/;

/** A node for pods to live on, whose CNI plugins can be made to fail. */
export class SoakNode {
  /** Every pod and container that there has been, for what is named by a hash of its id. */
  readonly ids = new Set<string>();
  /** It is being stopped: its processes are to end. */
  stopping = false;
  private readonly journal: FSWatcher;

  private constructor(
    readonly node: TestNode,
    readonly infra: Infra,
    private readonly plugins: WrappedPlugins,
  ) {
    makeCgroup(this.cgroup);
    // Whoever is cut off is never told the id of what was being made.
    this.journal = watch(node.crisp.journalDir, (_, name) => {
      const [id] = ID.exec(name ?? '') ?? [];
      if (id !== undefined) this.ids.add(id);
    });
  }

  /** One pod has lived there, so that what comes with the first one is not taken for left behind. */
  static async start(version: ContainerdVersion, infra: Infra): Promise<SoakNode> {
    let plugins: WrappedPlugins | undefined;
    const node = await startNode({
      version,
      settings: infraSettings(infra),
      pluginDir: (dir, binDir) => {
        plugins = wrapPlugins(dir, binDir);
        return plugins.binDir;
      },
    });
    try {
      if (!plugins) throw new Error('the node was started without its plugins');
      await node.registry.push([pulledImage()]);
      for (const image of [PAUSE, BUSYBOX]) await ensurePulled(node, image);
      const pod = await runPod(node);
      await runContainer(node, pod, shell('first', 'sleep 100000'));
      await removePod(node, pod);
      return new SoakNode(node, infra, plugins);
    } catch (error) {
      await node.stop().catch(() => undefined);
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.journal.close();
    try {
      await this.node.stop();
    } finally {
      removeCgroup(this.cgroup);
    }
  }

  /** The cgroup that those of pods lie in, as kubelet has one for all of its pods. */
  get cgroup(): string {
    return `crisp-soak-${this.node.dir.split('-').at(-1)}`;
  }

  /** Makes a cgroup for a pod, as kubelet does before it asks for the pod. */
  makePodCgroup(name: string): string {
    const path = `${this.cgroup}/${name}`;
    makeCgroup(path);
    return `/${path}`;
  }

  /** Removes a pod's cgroup where there is nothing in it: kubelet takes away what it has made itself, and no more. */
  removePodCgroup(name: string): void {
    for (const path of foldersOf(`${this.cgroup}/${name}`)) {
      try {
        rmdirSync(path);
      } catch {
        // It is in use, or something is left in it.
      }
    }
  }

  /** The same for all pods: what a call that was cut off had begun may have ended later. */
  removePodCgroups(): void {
    for (const name of new Set(this.podCgroups().map((path) => basename(path)))) this.removePodCgroup(name);
  }

  /** Cgroups that are there because of pods. */
  podCgroups(): string[] {
    return foldersOf(this.cgroup).flatMap((folder) =>
      readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => join(folder, name)),
    );
  }

  /** Once in twenty times one of the next plugin calls fails, mostly an ADD. */
  maybeFailCni(random: Seeded): void {
    if (random.next() >= 1 / CNI_FAILS_ONCE_IN) return;
    const call = `${random.pick(['ADD', 'ADD', 'ADD', 'DEL'])} ${random.pick(PLUGINS)}`;
    this.plugins.arrange(random.pick(['before', 'after']), call, { do: 'fail' });
  }

  /** Nothing is arranged any more, and what plugins have noted is dropped. */
  calmCni(): void {
    this.plugins.clear();
    this.plugins.moments();
  }
}

function pulledImage(): ImageDefinition {
  const name = PULLED.slice(PULLED.indexOf('/') + 1);
  const layers = ['one', 'two'].map((each) => tar([file(each, randomBytes(LAYER_BYTES))]));
  return { names: [name], layers, config: { Cmd: ['one'] }, shape: 'plain' };
}
