import { readFileSync } from 'node:fs';

import { until } from '../../support/daemon/process';
import {
  fullName,
  type KubeletNode,
  podUntil,
  putPod,
  ready,
  startKubeletNode,
} from '../../support/kubelet/kubelet-node';
import { podManifest, shell, web } from '../../support/kubelet/manifest';
import { containerOf, criId, isTrue } from '../../support/kubelet/pod-view';

const SECOND = 1000;

let node: KubeletNode;

beforeAll(async () => {
  node = await startKubeletNode({
    kubelet: { featureGates: { EventedPLEG: true, CRIListStreaming: true }, logging: { verbosity: 4 } },
  });
}, 120 * SECOND);

afterAll(async () => {
  await node.stop();
}, 120 * SECOND);

async function metric(name: string): Promise<number> {
  const lines = (await node.api.text('/metrics')).split('\n');
  return Number(lines.find((line) => line.startsWith(`kubelet_${name} `))?.split(' ')[1] ?? 0);
}

const log = (): string => readFileSync(node.kubelet.daemon.logFile, 'utf8');

async function heardOf(id: string): Promise<void> {
  const heard = (line: string): boolean => line.includes('after container termination') && line.includes(id);
  await until(`the end of ${id} was heard of`, 5 * SECOND, async () => log().split('\n').some(heard));
}

describe('a kubelet that listens to events and asks for lists in pieces', () => {
  it('runs pods, restarts what ends, and hears of each end from crisp', async () => {
    putPod(node, podManifest('main', [web('web'), shell('crasher', 'sleep 1; exit 3')]));
    const again = (restarts: number) => ({ what: `has been started again, ${restarts} times` });
    const pod = await podUntil(node, 'main', again(1), (seen) => containerOf(seen, 'crasher').restartCount >= 1);
    const { terminated } = containerOf(pod, 'crasher').lastState;
    expect(terminated).toMatchObject({ exitCode: 3 });
    const id = (terminated?.containerID ?? '').replace('containerd://', '');
    await heardOf(id);
    await podUntil(node, 'main', again(2), (seen) => containerOf(seen, 'crasher').restartCount >= 2);
    expect(await metric('evented_pleg_connection_success_count')).toBe(1);
    expect(await metric('evented_pleg_connection_error_count')).toBe(0);
    const count = await metric('evented_pleg_connection_latency_seconds_count');
    expect(count).toBeGreaterThanOrEqual(4); // created and started, of two
    // A machine that stands still delays some, a stream that is late delays all.
    const prompt = await metric('evented_pleg_connection_latency_seconds_bucket{le="2.5"}');
    expect(prompt).toBeGreaterThan(count / 2);
    expect(log()).not.toContain('nil PodSandboxStatus');
    // It would have gone back to lists in one piece.
    expect(log()).not.toContain('not implemented, falling back');
  });

  it('keeps its pods when crisp is killed and started again, and sees further ends', async () => {
    const worker = shell('worker', 'trap "exit 5" TERM; while :; do sleep 0.1; done');
    putPod(node, podManifest('steady', [web('web'), worker]));
    const before = await ready(node, 'steady');
    await node.crisp.kill();
    await node.crisp.start();
    // kubelet dials five times without a pause, then leaves it at lists until it is started again itself.
    // Its first restart waits for no back-off.
    await node.api.call('POST', `/run/default/${fullName(node, 'steady')}/worker?cmd=kill+1`);
    const after = await podUntil(node, 'steady', { what: 'runs again' }, (seen) => {
      return containerOf(seen, 'worker').restartCount > 0 && isTrue(seen, 'Ready');
    });
    expect(criId(containerOf(after, 'web'))).toBe(criId(containerOf(before, 'web')));
    expect(containerOf(after, 'web').restartCount).toBe(0);
    expect(containerOf(after, 'worker').lastState.terminated?.exitCode).toBe(5);
  });
});
