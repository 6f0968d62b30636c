import {
  ContainerConfig,
  CreateContainerRequest,
  type DeepPartial,
  PodSandboxConfig,
  RunPodSandboxRequest,
} from '../../../generated/cri/v1/api';
import { type Mask, masked } from '../record/compare';
import { type Flat, flat } from './canonical';
import { type ContainerCase, idOf, type PodCase } from './cases';
import { IMAGES } from './images';
import { POD_CASES } from './pod-cases';

export type Release = '1.6' | '2';

/** Whoever makes pods and containers, and tells what specs it has given to containerd for them. */
export interface SpecMaker {
  runPod(request: RunPodSandboxRequest): Promise<string>;
  createContainer(request: CreateContainerRequest): Promise<string>;
  startContainer(id: string): Promise<void>;
  removePod(id: string): Promise<void>;
  /** The JSON of a pod's or a container's spec. */
  specOf(id: string): Promise<string>;
  /** Pid of the first process. */
  pidOf(id: string): Promise<number>;
  /** The name of the gRPC code that a refusal had. */
  codeOf(error: unknown): string;
  /** Its directories, and what else is its own choice. */
  readonly masks: readonly Mask[];
}

/** What came of each case: a spec, or the code it was refused with. */
export type Made = Readonly<Record<string, Flat>>;

/** Asks for every pod and container of the cases; answers what came of them, by `pod` and `pod/container`. */
export async function makeSpecs(maker: SpecMaker, release: Release): Promise<Made> {
  const made: Record<string, Flat> = {};
  for (const pod of POD_CASES.filter(({ since }) => since !== '2' || release === '2')) {
    Object.assign(made, await makePod(maker, pod, release));
  }
  return made;
}

async function makePod(maker: SpecMaker, pod: PodCase, release: Release): Promise<Made> {
  const config = podConfig(pod);
  const request = RunPodSandboxRequest.fromPartial({ config, runtimeHandler: pod.handler ?? '' });
  const podSandboxId = await outcome(maker, () => maker.runPod(request));
  if (typeof podSandboxId !== 'string') return { [pod.name]: podSandboxId };
  const masks: Mask[] = [
    [new RegExp(podSandboxId, 'g'), 'SANDBOX'],
    ...(await pidMask(maker, podSandboxId, 'SANDBOX')),
  ];
  const results: Record<string, Flat> = { [pod.name]: await readSpec(maker, podSandboxId, masks) };
  const ids = new Map<string, string>();
  for (const each of pod.containers.filter(({ since }) => since !== '2' || release === '2')) {
    const name = `${pod.name}/${each.name}`;
    const asked = { podSandboxId, config: containerConfig(each, ids), sandboxConfig: config };
    const id = await outcome(maker, () => maker.createContainer(CreateContainerRequest.fromPartial(asked)));
    if (typeof id !== 'string') {
      results[name] = id;
      continue;
    }
    ids.set(each.name, id);
    results[name] = await readSpec(maker, id, [[new RegExp(id, 'g'), 'CONTAINER'], ...masks]);
    if (!each.starts) continue;
    await maker.startContainer(id);
    masks.push(...(await pidMask(maker, id, each.name)));
  }
  await maker.removePod(podSandboxId);
  return results;
}

function podConfig({ name, config }: PodCase): DeepPartial<PodSandboxConfig> {
  const slug = slugOf(name);
  const metadata = { name: slug, namespace: 'specs', uid: `uid-of-${slug}`, ...config.metadata };
  return PodSandboxConfig.fromPartial({ ...config, metadata });
}

function slugOf(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}

function containerConfig({ name, config }: ContainerCase, ids: ReadonlyMap<string, string>): ContainerConfig {
  const metadata = { name: slugOf(name), ...config.metadata };
  const whole = ContainerConfig.fromPartial({ image: { image: IMAGES.app }, ...config, metadata });
  const options = whole.linux?.securityContext?.namespaceOptions;
  for (const [other, id] of ids) if (options?.targetId === idOf(other)) options.targetId = id;
  return whole;
}

/** The id of what was made, or what it was refused with. */
async function outcome(maker: SpecMaker, act: () => Promise<string>): Promise<string | { refused: string }> {
  try {
    return await act();
  } catch (error) {
    return { refused: maker.codeOf(error) };
  }
}

async function pidMask(maker: SpecMaker, id: string, name: string): Promise<Mask[]> {
  return [[new RegExp(`/proc/${await maker.pidOf(id)}/`, 'g'), `/proc/${name}/`]];
}

async function readSpec(maker: SpecMaker, id: string, masks: readonly Mask[]): Promise<Flat> {
  return flat(masked(JSON.parse(await maker.specOf(id)), [...masks, ...maker.masks]));
}
