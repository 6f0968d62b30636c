import { join } from 'node:path';
import { BUSYBOX, NGINX, PAUSE, type TestNode } from '../../support/node/node';
import type { Seeded } from '../../support/seeded';

/** Containers run nothing else: what chance makes of a command might find something to do. */
export const COMMANDS: readonly (readonly string[])[] = [
  ['sh', '-c', 'exit 3'],
  ['sh', '-c', 'trap "exit 0" TERM; sleep 100000 & wait'],
  ['sh', '-c', 'yes | head -c 300000'],
  ['true'],
  ['/nothing'],
];
/** The cgroup that pods may ask for. */
export const CGROUP = '/crisp-fuzz';
/** Registries that are on this machine, or nowhere. */
export const REGISTRIES: ReadonlySet<string> = new Set(['registry.k8s.io', 'localhost:1', '127.0.0.1:1']);
/** Ports of the host that pods may ask for. */
export const HOST_PORTS = { least: 40_000, most: 40_099 };

const ID_DIGITS = 64;

/** What messages can be about: what is on the node now. */
export class World {
  pods: readonly string[] = [];
  containers: readonly string[] = [];
  readonly images: readonly string[] = [BUSYBOX, NGINX, PAUSE, 'registry.k8s.io/nothing:1', 'localhost:1/a:b'];

  constructor(
    readonly node: TestNode,
    private readonly random: Seeded,
  ) {}

  get dir(): string {
    return this.node.dir;
  }

  /** A path of the host that may be made. */
  path(): string {
    return join(this.dir, 'fuzz', this.random.pick(['a', 'b/c', 'd e', 'ü']));
  }

  pod(): string {
    return this.id(this.pods);
  }

  container(): string {
    return this.id(this.containers);
  }

  /** Afterwards the ids are those that there are, and of pods not more than so many: the first of them are removed. */
  async refresh(most: number): Promise<void> {
    const { runtime } = this.node.cri;
    const { items } = await runtime.listPodSandbox({ filter: undefined });
    const [...old] = items.map(({ id }) => id).slice(most);
    for (const podSandboxId of old) {
      await runtime.stopPodSandbox({ podSandboxId });
      await runtime.removePodSandbox({ podSandboxId });
    }
    const { containers } = await runtime.listContainers({ filter: undefined });
    this.pods = items.map(({ id }) => id).filter((id) => !old.includes(id));
    this.containers = containers.map(({ id }) => id);
  }

  /** Mostly one that there is, or the beginning of it; else what nobody has. */
  private id(all: readonly string[]): string {
    const chance = this.random.next();
    if (chance > 0.9 || all.length === 0) return this.random.pick(['', 'f'.repeat(ID_DIGITS), 'x', '../..', '\0']);
    const id = this.random.pick(all);
    return chance > 0.8 ? id.slice(0, this.random.between(1, ID_DIGITS)) : id;
  }
}
