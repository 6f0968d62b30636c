import type { PodSandboxConfig } from '../../generated/cri/v1/api';
import { CALL_TIMEOUT_MS } from '../../src/client/ensure-image';
import { BUSYBOX } from '../support/node/node';
import { type Contestant, PAUSE } from './contestant';
import { type ContainerOptions, containerOf, podOf } from './kubelet-pod';
import type { Samples } from './samples';

const options = { timeoutMs: 4 * CALL_TIMEOUT_MS };
const GRACE_SECONDS = 30n;

/** A pod with one container, both running. */
export interface BenchPod {
  readonly id: string;
  readonly config: PodSandboxConfig;
  readonly containerId: string;
}

/** Does what kubelet does for pods of one contestant, call by call, and notes how long the calls take. */
export class Kubelet {
  constructor(
    readonly server: Contestant,
    private readonly samples: Samples,
  ) {}

  /** The pod is made, its container created and started. Adds `<prefix>.run`, `.create`, `.start` and their sum. */
  async startPod(prefix: string, container: ContainerOptions = {}): Promise<BenchPod> {
    const { cri, dir } = this.server;
    const config = podOf(dir);
    const containerConfig = containerOf(config, dir, container);
    const run = await this.timed(`${prefix}.run`, () =>
      cri.runtime.runPodSandbox({ config, runtimeHandler: '' }, options),
    );
    const podSandboxId = run.answer.podSandboxId;
    await cri.runtime.podSandboxStatus({ podSandboxId, verbose: false }, options);
    await cri.images.imageStatus({ image: imageSpec(BUSYBOX), verbose: false }, options);
    const create = await this.timed(`${prefix}.create`, () =>
      cri.runtime.createContainer({ podSandboxId, config: containerConfig, sandboxConfig: config }, options),
    );
    const { containerId } = create.answer;
    const start = await this.timed(`${prefix}.start`, () => cri.runtime.startContainer({ containerId }, options));
    this.samples.add(`${prefix}.podStart`, this.server.name, run.ms + create.ms + start.ms);
    await cri.runtime.containerStatus({ containerId, verbose: false }, options);
    return { id: podSandboxId, config, containerId };
  }

  /** A pod whose container is created and not yet started. */
  async preparePod(container: ContainerOptions): Promise<BenchPod> {
    const { cri, dir } = this.server;
    const config = podOf(dir);
    const { podSandboxId: id } = await cri.runtime.runPodSandbox({ config, runtimeHandler: '' }, options);
    return { id, config, containerId: await this.createContainer({ id, config }, container) };
  }

  /** Starts a prepared pod's container. */
  async start({ containerId }: BenchPod): Promise<void> {
    await this.server.cri.runtime.startContainer({ containerId }, options);
  }

  /** Creates and starts another container of a pod; answers its id. */
  async runContainer(pod: BenchPod, container: ContainerOptions): Promise<string> {
    const containerId = await this.createContainer(pod, container);
    await this.server.cri.runtime.startContainer({ containerId }, options);
    return containerId;
  }

  private async createContainer(
    { id, config }: Pick<BenchPod, 'id' | 'config'>,
    container: ContainerOptions,
  ): Promise<string> {
    const { cri, dir } = this.server;
    const containerConfig = containerOf(config, dir, container);
    const request = { podSandboxId: id, config: containerConfig, sandboxConfig: config };
    return (await cri.runtime.createContainer(request, options)).containerId;
  }

  /** The container is ended, then the pod. Adds `<prefix>.stopContainer`, `.stopPod` and their sum. */
  async stopPod(prefix: string, { id, containerId }: BenchPod): Promise<void> {
    const { runtime } = this.server.cri;
    const container = await this.timed(`${prefix}.stopContainer`, () =>
      runtime.stopContainer({ containerId, timeout: GRACE_SECONDS }, options),
    );
    await runtime.containerStatus({ containerId, verbose: false }, options);
    const pod = await this.timed(`${prefix}.stopSandbox`, () => runtime.stopPodSandbox({ podSandboxId: id }, options));
    this.samples.add(`${prefix}.podStop`, this.server.name, container.ms + pod.ms);
  }

  /** The garbage collection of a stopped pod. Adds `<prefix>.remove`, the sum of both calls. */
  async removePod(prefix: string, { id, containerId }: BenchPod): Promise<void> {
    const { runtime } = this.server.cri;
    await this.samples.time(`${prefix}.remove`, this.server.name, async () => {
      await runtime.removeContainer({ containerId }, options);
      await runtime.removePodSandbox({ podSandboxId: id }, options);
    });
  }

  /** A probe: a command that ends at once. */
  async probe(metric: string, { containerId }: BenchPod): Promise<void> {
    const { runtime } = this.server.cri;
    const { answer } = await this.timed(metric, () =>
      runtime.execSync({ containerId, cmd: ['true'], timeout: 10n }, options),
    );
    if (answer.exitCode !== 0) throw new Error(`a probe ended with ${answer.exitCode}`);
  }

  /** Afterwards the images of plain pods are here. */
  async pullNeeded(): Promise<void> {
    for (const image of [PAUSE, BUSYBOX]) await this.pull(image);
  }

  /** Afterwards the image is here. */
  async pull(image: string): Promise<void> {
    const { images } = this.server.cri;
    await images.pullImage({ image: imageSpec(image), auth: undefined, sandboxConfig: undefined }, options);
  }

  async removeImage(image: string): Promise<void> {
    await this.server.cri.images.removeImage({ image: imageSpec(image) }, options);
  }

  private async timed<T>(metric: string, call: () => Promise<T>): Promise<{ answer: T; ms: number }> {
    const started = performance.now();
    const answer = await call();
    const ms = performance.now() - started;
    this.samples.add(metric, this.server.name, ms);
    return { answer, ms };
  }
}

const imageSpec = (image: string) => ({
  ...{ image, annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' },
});
