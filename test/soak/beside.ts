import { setTimeout as pause } from 'node:timers/promises';

import {
  ContainerState,
  ExecSyncRequest,
  ImageStatusRequest,
  PodSandboxState,
  PullImageRequest,
  RemoveImageRequest,
} from '../../generated/cri/v1/api';
import { errorMessage } from '../../src/base/errors';
import { CriClient } from '../../src/client/cri-client';
import { RpcCallError } from '../../src/rpc/client/rpc-call-error';
import { Code } from '../../src/rpc/code';
import { Figures, wrongInImages } from '../support/node/figures';
import { keyOf } from './event-record';
import { CALL_MS, type Ground, wrong } from './ground';
import { ABSENT, PULLED } from './soak-node';

const [RELIST_MS, STATUS_MS, STATISTICS_MS, PULL_MS, DROP_MS] = [1000, 5000, 10_000, 20_000, 2000] as const;
/** A reader of events stays so long, by its own deadline. */
const READER_MS = 7000;
const DROPPED_AFTER_MS = 60;
/** Without these kubelet starts no pod; others only warn. */
const CONDITIONS = ['RuntimeReady', 'NetworkReady'] as const;
const options = { timeoutMs: CALL_MS };
const everything = { filter: undefined };

/** What is asked of a node besides its pods, until `stop`. */
export class Beside {
  private readonly figures = new Figures();
  private readonly leaving = new AbortController();
  private readonly loops: Promise<void>[] = [];

  /** Every loop has a connection of its own. */
  constructor(private readonly ground: Omit<Ground, 'cri'>) {}

  /** Events are read before this resolves. */
  async start(): Promise<void> {
    const { node } = this.ground.soak;
    this.loops.push(this.readEvents(node.connect()), this.readWithDeadlines(node.connect()));
    const repeat = (name: string, everyMs: number, act: (cri: CriClient) => Promise<void>): void =>
      void this.loops.push(this.repeat(name, everyMs, act, node.connect()));
    repeat('lists', RELIST_MS, (cri) => this.relist(cri));
    repeat('status', STATUS_MS, (cri) => this.askStatus(cri));
    repeat('statistics', STATISTICS_MS, (cri) => this.statistics(cri));
    repeat('pull and removal', PULL_MS, (cri) => this.pull(cri));
    repeat('dropped connections', DROP_MS, () => this.drop());
    // The reader's call has to have come before the first pod is asked for.
    await node.cri.runtime.version({ version: '' }, options);
    await pause(RELIST_MS);
  }

  async stop(): Promise<void> {
    this.leaving.abort(new Error('the soak is over'));
    await Promise.all(this.loops);
  }

  private async repeat(
    name: string,
    everyMs: number,
    act: (cri: CriClient) => Promise<void>,
    cri: CriClient,
  ): Promise<void> {
    const { signal } = this.leaving;
    while (!signal.aborted) {
      const next = Date.now() + everyMs;
      await act(cri).catch((error: unknown) =>
        wrong(this.ground, 'calls that failed', `${name}: ${errorMessage(error)}`),
      );
      await pause(Math.max(next - Date.now(), 0), undefined, { signal }).catch(() => undefined);
    }
  }

  private async relist({ runtime }: CriClient): Promise<void> {
    const { present, done } = this.ground;
    const [asked, since] = [present.now(), performance.now()];
    const [pods, containers] = await Promise.all([
      runtime.listPodSandbox(everything, options),
      runtime.listContainers(everything, options),
    ]);
    const { ready, running } = present.still(asked);
    const problems = [
      ...present.wrongIn(pods.items, ready, PodSandboxState.SANDBOX_READY, since),
      ...present.wrongIn(containers.containers, running, ContainerState.CONTAINER_RUNNING, since),
    ];
    for (const problem of problems) wrong(this.ground, 'wrong states', `in a list, ${problem}`);
    done.add('lists of pods and containers');
  }

  private async askStatus({ runtime }: CriClient): Promise<void> {
    const { status } = await runtime.status({ verbose: false }, options);
    for (const type of CONDITIONS) {
      const condition = status?.conditions.find((each) => each.type === type);
      if (!condition?.status) wrong(this.ground, 'wrong states', `the node is not ${type}: ${condition?.reason}`);
    }
    this.ground.done.add('statuses of the node');
  }

  private async statistics({ runtime, images }: CriClient): Promise<void> {
    const { present, done } = this.ground;
    const asked = present.now();
    const [pods, containers, filesystems] = await Promise.all([
      runtime.listPodSandboxStats(everything, options),
      runtime.listContainerStats(everything, options),
      images.imageFsInfo({}, options),
      runtime.listPodSandboxMetrics({}, options),
    ]);
    const { ready, running } = present.still(asked);
    const podIds = new Set(pods.stats.map(({ attributes }) => attributes?.id ?? ''));
    const containerIds = new Set(containers.stats.map(({ attributes }) => attributes?.id ?? ''));
    const problems = [
      ...[...ready].filter((id) => !podIds.has(id)).map((id) => `pod ${id} is left out`),
      ...[...running].filter((id) => !containerIds.has(id)).map((id) => `container ${id} is left out`),
      ...containers.stats.flatMap((each) => this.figures.wrongIn(each)),
      ...wrongInImages(filesystems.imageFilesystems),
    ];
    this.figures.keepOnly(containerIds);
    for (const problem of problems) wrong(this.ground, 'wrong statistics', problem);
    done.add('statistics of all pods and containers');
  }

  /** An image comes and goes, and one that is nowhere does not come. */
  private async pull({ images }: CriClient): Promise<void> {
    const { done } = this.ground;
    const image = { image: PULLED };
    const isHere = async (): Promise<boolean> =>
      (await images.imageStatus(ImageStatusRequest.fromPartial({ image }), options)).image !== undefined;
    await images.pullImage(PullImageRequest.fromPartial({ image }), options);
    if (!(await isHere())) wrong(this.ground, 'wrong images', `${PULLED} is not here after its pull`);
    await images.removeImage(RemoveImageRequest.fromPartial({ image }), options);
    if (await isHere()) wrong(this.ground, 'wrong images', `${PULLED} is here after its removal`);
    const absent = images.pullImage(PullImageRequest.fromPartial({ image: { image: ABSENT } }), options);
    const came = await absent.then(
      () => true,
      () => false,
    );
    if (came) wrong(this.ground, 'calls that should have failed', `PullImage of ${ABSENT}`);
    done.add('images pulled and removed');
  }

  /** A client goes in the middle of its calls. */
  private async drop(): Promise<void> {
    const { soak, random, present, done } = this.ground;
    const client = new CriClient(soak.node.crisp.socket);
    const containerId = present.anyRunning((list) => random.pick(list));
    const command = ExecSyncRequest.fromPartial({ containerId, cmd: ['sleep', '1'], timeout: 20n });
    const calls: Promise<unknown>[] = [
      client.runtime.listContainers(everything),
      client.runtime.listPodSandboxStats(everything),
      this.readUntilItBreaks(client),
      ...(containerId === undefined ? [] : [client.runtime.execSync(command)]),
    ];
    const settled = Promise.allSettled(calls);
    await pause(random.between(0, DROPPED_AFTER_MS));
    client.close();
    await settled;
    done.add('connections dropped with calls under way');
  }

  private async readUntilItBreaks({ runtime }: CriClient): Promise<void> {
    for await (const _ of runtime.getContainerEvents({})) void _;
  }

  /** A reader that stays: it must be told everything, and its stream must not end before it leaves. */
  private async readEvents({ runtime }: CriClient): Promise<void> {
    const { events, done } = this.ground;
    const { signal } = this.leaving;
    try {
      for await (const event of runtime.getContainerEvents({}, { signal })) {
        for (const problem of events.take(event)) wrong(this.ground, 'events that tell something wrong', problem);
        done.add('events told');
      }
      wrong(this.ground, 'calls that failed', 'GetContainerEvents: the stream ended');
    } catch (error) {
      if (!signal.aborted) wrong(this.ground, 'calls that failed', `GetContainerEvents: ${errorMessage(error)}`);
    }
  }

  /** A reader whose own deadline ends it, again and again: it must be told what the one that stays is told meanwhile. */
  private async readWithDeadlines({ runtime }: CriClient): Promise<void> {
    const { signal } = this.leaving;
    while (!signal.aborted) {
      const keys: string[] = [];
      try {
        for await (const event of runtime.getContainerEvents({}, { timeoutMs: READER_MS, signal }))
          keys.push(keyOf(event));
        wrong(this.ground, 'calls that failed', 'GetContainerEvents with a deadline: the stream ended');
      } catch (error) {
        const ended = error instanceof RpcCallError && error.code === Code.DEADLINE_EXCEEDED;
        if (!ended && !signal.aborted)
          wrong(this.ground, 'calls that failed', `GetContainerEvents with a deadline: ${errorMessage(error)}`);
      }
      const missed = await this.ground.events.missedBy(keys);
      if (missed && !signal.aborted) wrong(this.ground, 'events lost, twice or out of order', missed);
      this.ground.done.add('readers of events ended by their deadline');
    }
  }
}
