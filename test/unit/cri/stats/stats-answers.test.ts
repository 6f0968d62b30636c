import {
  type ContainerStats,
  ContainerStats as ContainerStatsCodec,
  ListContainerStatsResponse,
  ListPodSandboxStatsResponse,
  type PodSandboxStats,
  PodSandboxStats as PodSandboxStatsCodec,
} from '../../../../generated/cri/v1/api';
import { MAX_ITEMS } from '../../../../src/cri/request-limits';
import { StatsAnswers } from '../../../../src/cri/stats/stats-answers';
import { MOST_MS } from '../../../support/held-for';
import { leastOverTurns, workedMs } from '../../../support/least-ms';

const PODS = 110;

function container(id: string, value: string): ContainerStats {
  return ContainerStatsCodec.fromPartial({
    attributes: { id, metadata: { name: 'app', attempt: 2 }, labels: { a: value }, annotations: { b: value } },
    cpu: { timestamp: 5n, usageCoreNanoSeconds: { value: 6n } },
  });
}

function pod(id: string, value: string, annotations: Record<string, string> = { d: value }): PodSandboxStats {
  return PodSandboxStatsCodec.fromPartial({
    attributes: { id, metadata: { name: 'web', uid: id }, labels: { c: value }, annotations },
    linux: {
      memory: { timestamp: 7n, workingSetBytes: { value: 8n } },
      containers: [container(`${id}-1`, value), container(`${id}-2`, 'x'.repeat(20_000))],
    },
  });
}

/** The longest that this thread works without a turn for others while `act` goes on, in milliseconds. */
async function longestTurn(act: () => Promise<unknown>): Promise<number> {
  let over = false;
  let longest = 0;
  let since = workedMs();
  const acting = act().finally(() => {
    over = true;
  });
  while (!over) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = workedMs();
    longest = Math.max(longest, now - since);
    since = now;
  }
  await acting;
  return longest;
}

describe('Answers about statistics', () => {
  it('say of pods what they would say encoded at once, also the second time, with other figures', async () => {
    const answers = new StatsAnswers();
    const bare = PodSandboxStatsCodec.fromPartial({});
    const stats = [pod('one', 'v'), pod('two', 'w'), bare];
    for (const timestamp of [9n, 10n]) {
      for (const each of stats) if (each.linux?.memory) each.linux.memory.timestamp = timestamp;
      const { parts } = await answers.ofPods(stats);
      const told = ListPodSandboxStatsResponse.decode(Buffer.concat(parts));
      expect(told).toEqual(ListPodSandboxStatsResponse.decode(ListPodSandboxStatsResponse.encode({ stats }).finish()));
    }
    expect((await answers.ofPods([])).parts).toEqual([Buffer.alloc(0)]);
  });

  it('say of containers what they would say encoded at once', async () => {
    const stats = [container('one', 'v'), container('two', ''), ContainerStatsCodec.fromPartial({})];
    const { parts } = await new StatsAnswers().ofContainers(stats);
    const told = ListContainerStatsResponse.decode(Buffer.concat(parts));
    expect(told).toEqual(ListContainerStatsResponse.decode(ListContainerStatsResponse.encode({ stats }).finish()));
  });

  it('about a full node of pods with as many annotations as may be leave turns to others, and are encoded once', async () => {
    const full = Object.fromEntries(Array.from({ length: MAX_ITEMS.items }, (_, at) => [`example.com/key-${at}`, 'v']));
    const stats = Array.from({ length: PODS }, (_, at) => pod(`${at}`, 'v', { ...full }));
    let answers = new StatsAnswers();
    const longest = await leastOverTurns(MOST_MS, () => {
      answers = new StatsAnswers();
      return longestTurn(() => answers.ofPods(stats));
    });
    if (process.env.SHOW_TIMES) process.stderr.write(`statistics of ${PODS} pods: ${longest.toFixed(1)} ms\n`);
    expect(longest).toBeLessThan(MOST_MS);
    const again = await leastOverTurns(MOST_MS, async () => {
      const before = workedMs();
      await answers.ofPods(stats);
      return workedMs() - before;
    });
    expect(again).toBeLessThan(MOST_MS);
  });
});
