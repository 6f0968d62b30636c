import {
  ContainerAttributes,
  ContainerStats,
  LinuxPodSandboxStats,
  PodSandboxAttributes,
  PodSandboxStats,
} from '../../../generated/cri/v1/api';
import { inTurn } from '../../base/work/divided-work';
import { joined } from '../../base/work/joined';
import { EncodedMessage } from '../../rpc/service';

type Texts = Readonly<Record<string, string>>;
/** Bytes that follow one another. */
type Parts = readonly Uint8Array[];
type Attributes = Pick<PodSandboxAttributes, 'labels' | 'annotations'>;

/** Field numbers of `attributes`, of `linux`, of its `containers`, and of the stats in the answer of each RPC (CRI, api.proto). */
const FIELD = { stats: 1, attributes: 1, linux: 2, containers: 5 } as const;
const NO_MAPS = { labels: {}, annotations: {} };

/**
 * Writes answers about statistics. Figures are new each time; labels and annotations, of which a pod may have megabytes, are
 * encoded once for as long as there is their map, which never changes, and one after the other in turns of the event loop.
 */
export class StatsAnswers {
  private readonly labels = new WeakMap<Texts, Uint8Array>();
  private readonly annotations = new WeakMap<Texts, Uint8Array>();

  /** The answer of PodSandboxStats and ListPodSandboxStats, and a message of StreamPodSandboxStats. */
  async ofPods(all: readonly PodSandboxStats[]): Promise<EncodedMessage> {
    const parts: Uint8Array[] = [];
    for (const stats of all) parts.push(...field(FIELD.stats, await this.pod(stats)));
    return new EncodedMessage(...joined(parts));
  }

  /** The answer of ContainerStats and ListContainerStats, and a message of StreamContainerStats. */
  async ofContainers(all: readonly ContainerStats[]): Promise<EncodedMessage> {
    const parts: Uint8Array[] = [];
    for (const stats of all) parts.push(...field(FIELD.stats, await this.container(stats)));
    return new EncodedMessage(...joined(parts));
  }

  private async pod({ attributes, linux, ...rest }: PodSandboxStats): Promise<Parts> {
    const parts: Uint8Array[] = [];
    if (attributes) {
      const own = await inTurn(() => PodSandboxAttributes.encode({ ...attributes, ...NO_MAPS }).finish());
      parts.push(...field(FIELD.attributes, [own, ...(await this.maps(attributes))]));
    }
    if (linux) {
      const inner: Uint8Array[] = [LinuxPodSandboxStats.encode({ ...linux, containers: [] }).finish()];
      for (const stats of linux.containers) inner.push(...field(FIELD.containers, await this.container(stats)));
      parts.push(...field(FIELD.linux, inner));
    }
    parts.push(PodSandboxStats.encode(rest).finish());
    return parts;
  }

  private async container({ attributes, ...rest }: ContainerStats): Promise<Parts> {
    const figures = await inTurn(() => ContainerStats.encode(rest).finish());
    if (!attributes) return [figures];
    const own = ContainerAttributes.encode({ ...attributes, ...NO_MAPS }).finish();
    return [...field(FIELD.attributes, [own, ...(await this.maps(attributes))]), figures];
  }

  /** Both maps, which have the same numbers in the attributes of pods and of containers. */
  private async maps({ labels, annotations }: Attributes): Promise<Parts> {
    return [
      await this.bytesOf(labels, this.labels, (map) => ({ labels: map, annotations: {} })),
      await this.bytesOf(annotations, this.annotations, (map) => ({ labels: {}, annotations: map })),
    ];
  }

  private async bytesOf(
    map: Record<string, string>,
    known: WeakMap<Texts, Uint8Array>,
    attributes: (map: Record<string, string>) => Attributes,
  ): Promise<Uint8Array> {
    const encode = (): Uint8Array =>
      known.get(map) ?? PodSandboxAttributes.encode({ id: '', ...attributes(map) }).finish();
    const bytes = known.get(map) ?? (await inTurn(encode));
    known.set(map, bytes);
    return bytes;
  }
}

/** A field with a message inside. */
function field(number: number, parts: Parts): Parts {
  const bytes = [(number << 3) | 2];
  let length = parts.reduce((sum, part) => sum + part.length, 0);
  for (; length > 127; length = Math.floor(length / 128)) bytes.push((length % 128) | 128);
  bytes.push(length);
  return [Uint8Array.from(bytes), ...parts];
}
