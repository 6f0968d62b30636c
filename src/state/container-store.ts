import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ListContainersResponse } from '../../generated/cri/v1/api';
import { writeFileAtomic } from '../base/atomic-file';
import { errnoOf } from '../base/errors';
import type { Container, ContainerStatus } from '../model/container';
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
  /** What a newer program has put into status files; nobody else writes them while we are here. */
  private readonly foreign = new Map<string, ForeignMembers>();

  /** `criRoot` is the plugin's root directory. */
  constructor(private readonly criRoot: string) {}

  /** Afterwards the container is listed. */
  add(container: Container): void {
    this.containers.set(container.metadata.id, container);
  }

  delete(id: string): void {
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

  bySandbox(sandboxId: string): Container[] {
    return this.list().filter((container) => container.metadata.sandboxId === sandboxId);
  }

  /** Changes the status in memory and on disk; the caller holds the container's lock. The disk comes first. */
  async update(container: Container, change: Partial<ContainerStatus>): Promise<void> {
    const status = { ...container.status, ...change };
    await this.writeStatus(container.metadata.id, status);
    container.status = status;
  }

  /** Changes the status in memory only, for when the disk refuses: what happened has happened. */
  updateInMemory(container: Container, change: Partial<ContainerStatus>): void {
    container.status = { ...container.status, ...change };
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
