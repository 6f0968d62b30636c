import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ListContainersResponse } from '../../generated/cri/v1/api';
import { writeFileAtomic } from '../base/atomic-file';
import { errnoOf } from '../base/errors';
import { type Container, type ContainerStatus, inOrder } from '../model/container';
import { toCriContainer } from './cri-shapes';
import { EncodedItems } from './encoded-items';
import { IdMap } from './id-map';
import { encodeStatusFile, type ForeignMembers, foreignMembers, parseStatusFile } from './status-file';

/** The containers we know, each with its status file (`<root>/containers/<id>/status`) in the plugin's format. */
export class ContainerStore {
  /** ListContainers' answers. */
  readonly encoded = new EncodedItems<Container>((container) =>
    ListContainersResponse.encode({ containers: [toCriContainer(container)] }).finish(),
  );
  private readonly containers = new IdMap<Container>();
  /** The containers of each pod by their ids, in the order in which they were added; a pod without any has no entry. */
  private readonly ofSandbox = new Map<string, Map<string, Container>>();
  /** What a newer program has put into status files; nobody else writes them while we are here. */
  private readonly foreign = new Map<string, ForeignMembers>();

  /** `criRoot` is the plugin's root directory. */
  constructor(private readonly criRoot: string) {}

  /** Afterwards the container is listed. Its status is told as it was found, also one that the plugin of containerd wrote. */
  add(container: Container): void {
    const { id, sandboxId } = container.metadata;
    const before = this.containers.get(id);
    if (before && before.metadata.sandboxId !== sandboxId) this.takeFromSandbox(before);
    this.containers.set(id, container);
    const siblings = this.ofSandbox.get(sandboxId) ?? new Map<string, Container>();
    this.ofSandbox.set(sandboxId, siblings.set(id, container));
  }

  /** Afterwards there is no container of this id, neither in the list nor in its pod. */
  delete(id: string): void {
    const container = this.containers.get(id);
    if (container) this.takeFromSandbox(container);
    this.containers.delete(id);
    this.foreign.delete(id);
  }

  get(id: string): Container | undefined {
    return this.containers.get(id);
  }

  /** By id or unique prefix; throws AmbiguousId. */
  find(idOrPrefix: string): Container | undefined {
    return this.containers.find(idOrPrefix);
  }

  list(): Container[] {
    return this.containers.values();
  }

  /** The containers of one pod. It costs no more than they are many: every event and every statistic of a pod asks for them. */
  bySandbox(sandboxId: string): Container[] {
    return [...(this.ofSandbox.get(sandboxId)?.values() ?? [])];
  }

  /** Changes the status in memory and on disk; the caller holds the container's lock. The disk comes first. */
  async update(container: Container, change: Partial<ContainerStatus>): Promise<void> {
    const status = inOrder({ ...container.status, ...change });
    await this.writeStatus(container.metadata.id, status);
    container.status = status;
  }

  /** Changes the status in memory only, for when the disk refuses: what happened has happened. */
  updateInMemory(container: Container, change: Partial<ContainerStatus>): void {
    container.status = inOrder({ ...container.status, ...change });
  }

  /** Writes the status file, keeping what a newer program wrote into it. An exit is kept through a power cut. */
  async writeStatus(id: string, status: ContainerStatus): Promise<void> {
    await writeFileAtomic(this.statusPath(id), encodeStatusFile(status, this.foreign.get(id)), {
      durable: status.finishedAt !== 0n,
    });
  }

  /** The status as stored; undefined when the file is missing or torn. What it holds besides stays in it from now on. */
  async readStatus(id: string): Promise<ContainerStatus | undefined> {
    const raw = this.readRaw(id);
    const foreign = raw && foreignMembers(raw);
    if (foreign) this.foreign.set(id, foreign);
    return raw && parseStatusFile(raw);
  }

  private takeFromSandbox({ metadata: { id, sandboxId } }: Container): void {
    const siblings = this.ofSandbox.get(sandboxId);
    siblings?.delete(id);
    if (siblings?.size === 0) this.ofSandbox.delete(sandboxId);
  }

  private readRaw(id: string): Buffer | undefined {
    try {
      return readFileSync(this.statusPath(id)); // at a start, before anybody is served: the thread pool costs more
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  private statusPath(id: string): string {
    return join(this.criRoot, 'containers', id, 'status');
  }
}
