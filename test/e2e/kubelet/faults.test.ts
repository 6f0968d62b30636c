import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import { KUBELET_PODS, runKubeletPods } from '../../starts/kubelet-pods';
import { kubeletRows } from '../../starts/kubelet-rows';
import { runRow, wrongNow } from '../../starts/run-row';
import { StartNode } from '../../starts/start-node';
import { type FaultProxy, startFaultProxy } from '../../support/daemon/fault-proxy';
import { kubeletActs, kubeletLogEnd } from '../../support/kubelet/acts';
import { findPod, infra, type KubeletNode, stage, startKubeletNode } from '../../support/kubelet/kubelet-node';
import { identityOf } from '../../support/kubelet/pod-view';
import { relisted, relists } from '../../support/kubelet/relists';

/*
 * crisp is killed and started under a kubelet, or containerd is, while calls to containerd or files go wrong for as long as
 * kubelet needs to list what runs several times and to act on it. After each row nothing has changed: for kubelet, for
 * CRI, on the machine. Two minutes after the last row all is still the same.
 *
 * With ALL=1 every row is run; else one of each kind, others in each stage and mode. SEED=N chooses others.
 */

const SECOND = 1000;
/**
 * kubelet lists once a second, and its pods' workers look every two. What crisp does not get an answer to it asks for ten
 * seconds, and tells kubelet afterwards. Other tests may have the processors for a while.
 */
const PACE = { lastsMs: 8 * SECOND, neverMs: 15 * SECOND, asksMs: 20 * SECOND };
const AFTERWARDS_MS = 120 * SECOND;
/** How often kubelet asks while a row lasts, at least: it asks crisp again up to three seconds after it could not. */
const LEAST_RELISTS = 4;

const rows = kubeletRows(stage(), turn());
let node: KubeletNode;
let start: StartNode;
/** What kubelet shows of its pods when all is well. */
let shown: unknown[];
/** Where kubelet's log ended then. */
let logFrom: number;
/** The row that has changed something: what comes after it says nothing. */
let changedBy: string | undefined;

/** Each run of `make e2e-kubelet` is another turn. */
function turn(): number | undefined {
  if (process.env.ALL === '1') return undefined;
  const run = infra() === 'auto' ? 2 : stage() === '1.6' ? 1 : 0;
  return Number(process.env.SEED || 0) + run;
}

beforeAll(async () => {
  let proxy: FaultProxy | undefined;
  node = await startKubeletNode({
    kubelet: { logging: { verbosity: 3 } },
    crisp: { stats_collect_period: 3600 },
    inFront: async ({ address }, dir) => {
      proxy = await startFaultProxy(`${dir}/front.sock`, address);
      return proxy;
    },
  });
  const pods = await runKubeletPods(node);
  if (!proxy) throw new Error('the node was started without its proxy');
  start = await StartNode.over(node, proxy, pods);
  await relisted(node.api);
  shown = await lookAtPods();
  logFrom = kubeletLogEnd(node);
}, 240 * SECOND);

afterAll(async () => {
  await start?.giveBack();
  await node?.stop();
}, 120 * SECOND);

/** What kubelet shows of each pod that must not change: ids, restarts, addresses, and since when it is ready. */
function lookAtPods(): Promise<unknown[]> {
  return Promise.all(
    KUBELET_PODS.map(async (name) => {
      const pod = await findPod(node, name);
      return pod && { identity: identityOf(pod), ip: pod.status.podIP, conditions: pod.status.conditions };
    }),
  );
}

/** What is not as it was, or was meant to be changed, once kubelet has acted on what it was told. */
async function changes(): Promise<object> {
  await relisted(node.api);
  const acts = kubeletActs(node, KUBELET_PODS, logFrom);
  logFrom = kubeletLogEnd(node);
  return { acts, pods: await lookAtPods(), wrong: await wrongNow(start) };
}

const unchanged = (): object => ({ acts: [], pods: shown, wrong: [] });
const WELL = { harmed: [], misled: [], stuck: [], idle: [], missed: false };

describe('kubelet keeps its pods as they are', () => {
  it('has logged the start of each pod in the words that are looked for here', () => {
    for (const pod of KUBELET_PODS) expect(kubeletActs(node, [pod], 0).join('\n')).toContain('ContainerStarted');
  });

  it.each(rows.map((row) => ({ name: row.name, row })))(
    '$name',
    async ({ name, row }) => {
      expect(changedBy).toBeUndefined();
      const before = await relists(node.api);
      const { harmed, misled, stuck, idle, missed } = await runRow(start, row, PACE);
      const lists = (await relists(node.api)) - before;
      // Times that only a spoilt status file had are others from then on.
      if (row.file && stuck.length === 0) start.truth = await start.ask();
      const after = await changes();
      if (!isDeepStrictEqual(after, unchanged())) changedBy = name;
      expect({ harmed, misled, stuck, idle, missed, ...after }).toEqual({ ...WELL, ...unchanged() });
      expect(lists).toBeGreaterThanOrEqual(LEAST_RELISTS);
    },
    120 * SECOND,
  );

  it(
    'and so they are two minutes later',
    async () => {
      expect(changedBy).toBeUndefined();
      await pause(AFTERWARDS_MS);
      expect(await changes()).toEqual(unchanged());
    },
    180 * SECOND,
  );
});
