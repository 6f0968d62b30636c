import { cpus } from 'node:os';

import type { ContainerStats } from '../../../generated/cri/v1/api';

const CLOCK_NS = 2_000_000_000n;

interface Seen {
  readonly at: bigint;
  readonly cpuNs: bigint;
}

/** What has been told of containers' use of the machine, by which what is told next is looked at. */
export class Figures {
  private readonly last = new Map<string, Seen>();
  private readonly began = nanos();

  /** What cannot be right of one container, a line each: times that are not ours, processor time that shrinks or that nobody had. */
  wrongIn({ attributes, cpu, memory, writableLayer }: ContainerStats): string[] {
    const id = attributes?.id ?? 'without attributes';
    const problems = [cpu?.timestamp, memory?.timestamp, writableLayer?.timestamp].flatMap((at) =>
      at === undefined || (at >= this.began - CLOCK_NS && at <= nanos()) ? [] : [`${id}: measured at ${at}`],
    );
    const cpuNs = cpu?.usageCoreNanoSeconds?.value;
    if (!cpu || cpuNs === undefined) return problems;
    const most = (nanos() - this.began + CLOCK_NS) * BigInt(cpus().length);
    if (cpuNs > most) problems.push(`${id}: ${cpuNs} ns of processor time within ${most}`);
    const before = this.last.get(id);
    if (before && cpu.timestamp >= before.at && cpuNs < before.cpuNs) {
      problems.push(`${id}: ${cpuNs} ns of processor time after ${before.cpuNs}`);
    }
    this.last.set(id, { at: cpu.timestamp, cpuNs });
    return problems;
  }

  /** Afterwards nothing is remembered of containers that are not among these. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.last.keys()) if (!ids.has(id)) this.last.delete(id);
  }
}

/** What cannot be right of the images' filesystems. */
export function wrongInImages(
  list: readonly { readonly timestamp: bigint; readonly fsId?: { mountpoint: string } }[],
): string[] {
  const [first] = list;
  if (!first?.fsId?.mountpoint) return ['ImageFsInfo names no filesystem'];
  return first.timestamp > 0n && first.timestamp <= nanos() ? [] : [`ImageFsInfo was measured at ${first.timestamp}`];
}

function nanos(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
