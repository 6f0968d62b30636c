import type { ContainerStats } from '../../generated/cri/v1/api';
import { errorMessage } from '../../src/base/errors';
import { Figures, wrongInImages } from '../support/node/figures';
import type { Ground, Made } from './ground';

/** kubelet asks for statistics every ten seconds; an answer that takes longer than this holds up its eviction. */
const CALL_MS = 20_000;

/** Asks for statistics as kubelet does. A call may fail, but what an answer says must be right. */
export class StatisticsLook {
  private readonly figures = new Figures();

  constructor(
    private readonly ground: Ground,
    private readonly podId: string,
  ) {}

  /** One round; `rebooted` tells whether what runs has ended meanwhile. */
  async look(made: readonly Made[], rebooted: () => boolean): Promise<void> {
    const { cri, faults, done, random } = this.ground;
    const options = { timeoutMs: CALL_MS };
    const [one] = made.length > 0 ? [random.pick(made)] : [];
    const [pods, single, images] = await Promise.all([
      this.answer(cri.runtime.listPodSandboxStats({ filter: undefined }, options)),
      one && this.answer(cri.runtime.containerStats({ containerId: one.id }, options)),
      this.answer(cri.images.imageFsInfo({}, options)),
    ]);
    if (rebooted()) return;
    const problems: string[] = [];
    if (pods) problems.push(...this.inPods(pods.stats, made));
    if (single?.stats) problems.push(...this.figures.wrongIn(single.stats));
    if (images) problems.push(...wrongInImages(images.imageFilesystems));
    for (const problem of problems) faults.add('wrong statistics', `${new Date().toISOString()} ${problem}`);
    done.add(pods && images ? 'statistics answered' : 'statistics not answered');
  }

  /** Undefined when the call failed; one that was never answered is none of those that may. */
  private async answer<T>(call: Promise<T>): Promise<T | undefined> {
    const from = performance.now();
    try {
      return await call;
    } catch (error) {
      if (performance.now() - from < CALL_MS) return undefined;
      const what = `no answer within ${CALL_MS} ms: ${errorMessage(error)}`;
      this.ground.faults.add('wrong statistics', `${new Date().toISOString()} ${what}`);
      return undefined;
    }
  }

  private inPods(
    stats: readonly { attributes?: { id: string }; linux?: { containers: ContainerStats[] } }[],
    made: readonly Made[],
  ): string[] {
    const pod = stats.find(({ attributes }) => attributes?.id === this.podId);
    if (!pod) return [`pod ${this.podId} is left out`];
    const containers = pod.linux?.containers ?? [];
    const ids = new Set(containers.map(({ attributes }) => attributes?.id));
    const missing = made.filter(({ id }) => !ids.has(id)).map(({ id }) => `container ${id} is left out`);
    return [...missing, ...containers.flatMap((each) => this.figures.wrongIn(each))];
  }
}
