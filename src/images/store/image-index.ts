import { errorMessage } from '../../base/errors';
import type { Logger } from '../../base/logger';
import { KeyedMutex } from '../../base/work/keyed-mutex';
import { Limit } from '../../base/work/limit';
import { ContainerdError } from '../../containerd/errors';
import type { ImageRecord } from '../../containerd/images';
import type { Descriptor, Image, ListedImage } from '../../model/image';
import type { ImageBackend } from '../backend';
import { isLowerHex } from '../document/digest';
import { hostPlatform, type Platform } from '../document/platform';
import { isImageId, tryParseReference } from '../document/reference';
import { PullError } from '../errors';
import { adopt, needsAdoption } from './adopt';
import { ImageConfigs } from './image-configs';
import { PINNED, PINNED_LABEL } from './image-records';
import { type ImageFacts, imageFacts, readLocalImage } from './local-image';

/** gRPC's RESOURCE_EXHAUSTED: a blob is bigger than it may be. */
const RESOURCE_EXHAUSTED = 8;
/** So many records are read at once when all are. */
const PARALLEL_READS = 8;

export interface ImageIndexOptions {
  readonly containerd: ImageBackend;
  readonly log: Logger;
  /** Never collected by kubelet, whatever its records say. */
  readonly sandboxImage: string;
  readonly platform?: Platform;
}

/** A name in containerd's image store that can be used. */
interface Name {
  readonly target: Descriptor;
  readonly pinned: boolean;
  readonly facts: ImageFacts;
}

/**
 * The images in containerd, in memory: every name that resolves to a readable image for this machine, whoever made it.
 * containerd's events keep it current through `refresh`; `resync` begins anew.
 */
export class ImageIndex {
  private readonly names = new Map<string, Name>();
  private readonly locks = new KeyedMutex();
  /** By target: names that resolve to it. */
  private readonly byTarget = new Map<string, Set<string>>();
  /** Counts changes; a name that changed after a listing was made is newer than it. Noted while there are listings. */
  private clock = 0;
  private listings = 0;
  private readonly changedAt = new Map<string, number>();
  private readonly unread = new Set<string>();
  /** By target: what is being read. */
  private readonly reads = new Map<string, Promise<ImageFacts | undefined>>();
  private images: ReadonlyMap<string, ListedImage> | undefined;
  private readonly configs: ImageConfigs;
  private readonly platform: Platform;
  private readonly sandboxImage: string;

  constructor(private readonly options: ImageIndexOptions) {
    this.platform = options.platform ?? hostPlatform();
    this.configs = new ImageConfigs(options.containerd.content);
    this.sandboxImage = tryParseReference(options.sandboxImage)?.toString() ?? options.sandboxImage;
  }

  /** Names of records that were left out: their image is for another machine, or could not be read. */
  get unreadNames(): ReadonlySet<string> {
    return this.unread;
  }

  /** Reads all records. Afterwards the index has what containerd has; records that cannot be read are left out. */
  async resync(): Promise<void> {
    this.listings++;
    try {
      await this.takeAll(this.clock);
    } finally {
      if (--this.listings === 0) this.changedAt.clear();
    }
  }

  private async takeAll(began: number): Promise<void> {
    const records = await this.options.containerd.images.list([]);
    const listed = new Set(records.map(({ name }) => name));
    const limit = new Limit(PARALLEL_READS);
    const reads = records.map((record) => limit.run(() => this.take(record, began)));
    const gone = [...this.names.keys()].filter((name) => !listed.has(name));
    await Promise.all([...reads, ...gone.map((name) => limit.run(() => this.refresh(name)))]);
    // A name whose read failed is looked up again when another name of its target was read: no image lacks some of its names.
    const known = records.filter(({ name, target }) => this.unread.has(name) && this.byTarget.has(target.digest));
    await Promise.all(known.map(({ name }) => limit.run(() => this.refresh(name))));
  }

  /**
   * Reads one record: it was made, changed or deleted. An image that another client brought here is taken over: its
   * record is labelled as ours and gets a sibling named by the image's id.
   */
  async refresh(name: string): Promise<void> {
    await using _turn = await this.locks.hold(name);
    await this.accept(name, await this.options.containerd.images.get(name));
  }

  /** Takes in names whose image is known: what a pull has recorded and could not read back. */
  learn(names: readonly string[], record: { target: Descriptor; pinned: boolean }, facts: ImageFacts): void {
    for (const name of names) {
      this.changed(name);
      this.setName(name, { ...record, facts });
    }
    this.images = undefined;
  }

  /**
   * The image that a reference, an id or the beginning of an id names. An id leads, then a name, then the beginning of
   * an id if it is that of one image only.
   */
  find(wanted: string): ListedImage | undefined {
    const images = this.current();
    if (isImageId(wanted)) return images.get(wanted.startsWith('sha256:') ? wanted : `sha256:${wanted}`);
    const name = this.names.get(wanted) ?? this.names.get(tryParseReference(wanted)?.toString() ?? '');
    if (name) return images.get(name.facts.id);
    const prefix = wanted.startsWith('sha256:') ? wanted : `sha256:${wanted}`;
    if (prefix === 'sha256:' || !isLowerHex(prefix, 'sha256:'.length)) return undefined;
    const matching = [...images.values()].filter(({ id }) => id.startsWith(prefix));
    return matching.length === 1 ? matching[0] : undefined;
  }

  /** All images, by id. */
  list(): ListedImage[] {
    return [...this.current().values()];
  }

  /** The image with its config, which is read again where it is not kept. Throws a PullError when it is here no more. */
  async withConfig(image: ListedImage, signal?: AbortSignal): Promise<Image> {
    const config = await this.configs.of(image.id, signal);
    return Object.freeze({ ...image, config });
  }

  /** The config document of an image, as it came. Throws a PullError when it is here no more. */
  configDocument(id: string, signal?: AbortSignal): Promise<Buffer> {
    return this.configs.document(id, signal);
  }

  /** Every name of an image with what it pointed at when it was last read, the id among them. */
  namesOf(id: string): { name: string; target: Descriptor }[] {
    const all = [...this.names].filter(([, { facts }]) => facts.id === id);
    return all.map(([name, { target }]) => ({ name, target })).sort((a, b) => compare(a.name, b.name));
  }

  private async take(record: ImageRecord, began: number): Promise<void> {
    await using _turn = await this.locks.hold(record.name);
    if ((this.changedAt.get(record.name) ?? 0) <= began) await this.accept(record.name, record);
  }

  private async accept(name: string, record: ImageRecord | undefined): Promise<void> {
    this.changed(name);
    const facts = record && (await this.factsOf(record));
    this.images = undefined;
    if (record && !facts) this.unread.add(name);
    else this.unread.delete(name);
    if (!record || !facts) {
      this.setName(name, undefined);
      return;
    }
    this.setName(name, { target: record.target, pinned: record.labels[PINNED_LABEL] === PINNED, facts });
    if (needsAdoption(record)) await this.takeOver(record, facts.id);
  }

  private changed(name: string): void {
    if (this.listings > 0) this.changedAt.set(name, ++this.clock);
  }

  private setName(name: string, to: Name | undefined): void {
    const before = this.names.get(name)?.target.digest ?? '';
    const left = this.byTarget.get(before);
    left?.delete(name);
    if (left?.size === 0) this.byTarget.delete(before);
    if (!to) {
      this.names.delete(name);
      return;
    }
    this.names.set(name, to);
    const { digest } = to.target;
    this.byTarget.set(digest, (this.byTarget.get(digest) ?? new Set()).add(name));
  }

  /**
   * Digests do not change what they stand for: what one name has been read to is true for every name of that target. Names of
   * one target that are looked at together share one read.
   */
  private async factsOf(record: ImageRecord): Promise<ImageFacts | undefined> {
    const { digest } = record.target;
    for (const other of this.byTarget.get(digest) ?? []) {
      const known = this.names.get(other);
      if (known) return known.facts;
    }
    const reading = this.reads.get(digest) ?? this.readFacts(record).finally(() => this.reads.delete(digest));
    this.reads.set(digest, reading);
    return reading;
  }

  private async readFacts({ name, target }: ImageRecord): Promise<ImageFacts | undefined> {
    try {
      const chosen = await readLocalImage(this.options.containerd.content, target, this.platform);
      this.configs.keep(chosen.config.digest, chosen.parsed.config, chosen.rawConfig.length);
      return imageFacts(chosen);
    } catch (error) {
      if (!(error instanceof PullError) && !isTooBig(error)) throw error; // containerd's trouble is not the image's
      this.options.log.debug('an image record is left out', { name, error: errorMessage(error) });
      return undefined;
    }
  }

  private async takeOver(record: ImageRecord, id: string): Promise<void> {
    try {
      const pinned = record.name === this.sandboxImage;
      for (const name of await adopt(this.options.containerd.images, record, { id, pinned })) {
        if (name !== record.name) await this.refresh(name);
      }
    } catch (error) {
      this.options.log.warn('an image could not be taken over', { name: record.name, error: errorMessage(error) });
    }
  }

  private current(): ReadonlyMap<string, ListedImage> {
    this.images ??= this.build();
    return this.images;
  }

  private build(): ReadonlyMap<string, ListedImage> {
    const groups = new Map<string, [string, Name][]>();
    for (const entry of this.names) {
      const { id } = entry[1].facts;
      const group = groups.get(id);
      if (group) group.push(entry);
      else groups.set(id, [entry]);
    }
    const ids = [...groups.keys()].sort(compare);
    return new Map(ids.map((id) => [id, this.imageOf(groups.get(id) ?? [])]));
  }

  private imageOf(entries: [string, Name][]): ListedImage {
    const sorted = entries.sort(([a], [b]) => compare(a, b));
    const [first] = sorted;
    if (!first) throw new RangeError('an image has at least one name');
    const references = sorted.map(([name]) => name).filter((name) => !isImageId(name));
    const { facts, target } = first[1];
    const image = {
      references: Object.freeze(references),
      pinned: entries.some(([name, { pinned }]) => pinned || name === this.sandboxImage),
      target: Object.freeze({ ...target }),
    };
    return Object.freeze(Object.defineProperties(image, Object.getOwnPropertyDescriptors(facts))) as typeof image &
      ImageFacts;
  }
}

function isTooBig(error: unknown): boolean {
  return error instanceof ContainerdError && error.code === RESOURCE_EXHAUSTED;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
