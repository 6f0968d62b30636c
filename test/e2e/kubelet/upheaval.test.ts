import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { anotherBuild } from '../../support/daemon/another-build';
import { until } from '../../support/daemon/process';
import {
  deletePod,
  ended,
  findPod,
  fullName,
  type KubeletNode,
  logsOf,
  podUntil,
  putPod,
  ready,
  startKubeletNode,
} from '../../support/kubelet/kubelet-node';
import { execProbe, httpProbe, podManifest, shell, web } from '../../support/kubelet/manifest';
import { containerOf, criId, identityOf, isTrue, type PodView } from '../../support/kubelet/pod-view';
import { failedCalls } from '../../support/kubelet/relists';
import { serving } from '../../support/node/pods';

const SECOND = 1000;
const TICK = 'trap "exit 0" TERM; i=0; while true; do i=$((i+1)); echo "tick $i"; usleep 20000; done';

let node: KubeletNode;
let host: string;

beforeAll(async () => {
  node = await startKubeletNode();
  host = join(node.dir, 'host');
  mkdirSync(host);
  say('ready');
  const volumes = [{ name: 'host', hostPath: { path: host } }];
  const mounted = { volumeMounts: [{ name: 'host', mountPath: '/host' }] };
  const probes = {
    readinessProbe: execProbe('test -e /host/ready', { failureThreshold: 1 }),
    livenessProbe: execProbe('true', { failureThreshold: 1 }),
  };
  const containers = [shell('main', TICK, { ...mounted, ...probes }), web('web', { livenessProbe: httpProbe('/') })];
  const initContainers = [
    shell('init', 'true'),
    shell('side', 'trap "exit 0" TERM; while true; do sleep 0.1; done', { restartPolicy: 'Always' }),
  ];
  putPod(node, podManifest('steady', containers, { volumes, initContainers }));
  putPod(node, podManifest('done', [shell('main', 'exit 0')], { restartPolicy: 'Never' }));
}, 120 * SECOND);

afterAll(async () => {
  await node.stop();
}, 120 * SECOND);

const say = (name: string): void => writeFileSync(join(host, name), '');
const unsay = (name: string): void => rmSync(join(host, name));

/** Numbers that main has printed, as its log has them. */
async function ticks(): Promise<number[]> {
  const lines = (await logsOf(node, 'steady', 'main')).trimEnd().split('\n');
  return lines.map((line) => Number(/^tick (\d+)$/.exec(line)?.[1]));
}

/** Says that kubelet does its work: it sees a probe's answer change, runs a command, starts a pod and takes it away. */
async function kubeletWorks(): Promise<void> {
  await until('its loop turns', 20 * SECOND, async () => {
    return (await node.api.call('GET', '/healthz/syncloop')).body === 'ok';
  });
  unsay('ready');
  await podUntil(node, 'steady', { what: 'is unready' }, (pod) => !isTrue(pod, 'Ready'));
  say('ready');
  await ready(node, 'steady');
  const name = fullName(node, 'steady');
  const { body } = await node.api.call('POST', `/run/default/${name}/main?cmd=hostname`);
  expect(body).toBe(`${name}\n`);
  putPod(node, podManifest('new', [shell('main', 'trap "exit 0" TERM; while true; do sleep 0.1; done')]));
  await ready(node, 'new');
  deletePod(node, 'new');
  await ended(node, 'new');
}

/** Looks at the pods, lets something happen, and holds that they were not touched by it. */
async function nothingChanges(happens: () => Promise<void>): Promise<void> {
  const pods = ['steady', 'done'];
  await ready(node, 'steady');
  await podUntil(node, 'done', { what: 'has ended' }, ({ status }) => status.phase === 'Succeeded');
  const look = async (): Promise<unknown[]> => {
    const seen = await Promise.all(pods.map((name) => findPod(node, name)));
    return seen.map((pod) => pod && identityOf(pod));
  };
  const before = await look();
  const count = (await ticks()).length;
  await happens();
  await kubeletWorks();
  expect(await look()).toEqual(before);
  const seen = await ticks();
  expect(seen.length).toBeGreaterThan(count);
  expect(seen).toEqual(seen.map((_, at) => at + 1));
}

/** Waits until kubelet has noticed that nobody answers. */
async function noticed(): Promise<void> {
  const before = await failedCalls(node.api);
  await until('kubelet notices', 30 * SECOND, async () => (await failedCalls(node.api)) >= before + 3);
}

describe('under a kubelet, crisp', () => {
  it(
    'can be killed and started again: no container restarts and no address changes',
    async () => {
      await nothingChanges(async () => {
        await node.crisp.kill();
        await noticed();
        await node.crisp.start();
      });
    },
    120 * SECOND,
  );

  it(
    'can be replaced by another build',
    async () => {
      const version = '7.7.7-test';
      const program = anotherBuild(node.dir, version);
      await nothingChanges(async () => {
        await node.crisp.stop();
        await node.crisp.start(program);
      });
      expect((await node.cri.runtime.version({ version: '' })).runtimeVersion).toContain(version);
      await nothingChanges(async () => {
        await node.crisp.stop();
        await node.crisp.start();
      });
    },
    180 * SECOND,
  );

  it(
    'tells kubelet what happened while it was away: an end, and a pod that is not wanted any more',
    async () => {
      const stopped = shell('main', 'trap "exit 5" TERM; while true; do sleep 0.1; done');
      putPod(node, podManifest('ending', [stopped]));
      putPod(node, podManifest('unwanted', [shell('main', 'sleep 1000')]));
      const before = await ready(node, 'ending');
      await ready(node, 'unwanted');
      const id = criId(containerOf(before, 'main'));
      await node.crisp.kill();
      node.containerd.ctr('tasks', 'kill', '--signal', 'SIGTERM', id);
      deletePod(node, 'unwanted');
      await noticed();
      await node.crisp.start();
      const again = (pod: PodView): boolean => containerOf(pod, 'main').restartCount === 1 && isTrue(pod, 'Ready');
      const after = await podUntil(node, 'ending', { what: 'runs again' }, again);
      expect(containerOf(after, 'main').lastState.terminated).toMatchObject({ exitCode: 5, reason: 'Error' });
      expect(after.status.podIP).toBe(before.status.podIP);
      await ended(node, 'unwanted');
      deletePod(node, 'ending');
      await ended(node, 'ending');
    },
    120 * SECOND,
  );
});

describe('pods that kubelet runs through crisp', () => {
  it.each(['stop', 'kill'] as const)('are kept when kubelet ends (%s) and starts again', (how) =>
    nothingChanges(async () => {
      await node.kubelet[how]();
      await node.kubelet.start();
    }),
  );

  it('are kept when containerd ends and starts again', () => nothingChanges(() => node.containerd.restart()));

  it(
    'are kept when kubelet, crisp and containerd are all killed and started again',
    () =>
      nothingChanges(async () => {
        await node.kubelet.kill();
        await node.crisp.kill();
        await node.containerd.daemon.kill();
        await node.containerd.restart();
        await node.crisp.start();
        await serving(node);
        await node.kubelet.start();
      }),
    120 * SECOND,
  );
});
