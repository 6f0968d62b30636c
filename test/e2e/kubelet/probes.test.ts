import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type KubeletNode, podUntil, putPod, ready, startKubeletNode } from '../../support/kubelet/kubelet-node';
import {
  type ContainerParts,
  execProbe,
  httpProbe,
  podManifest,
  shell,
  tcpProbe,
  web,
} from '../../support/kubelet/manifest';
import { containerOf, criId, isTrue, type PodView } from '../../support/kubelet/pod-view';
import { exec } from '../../support/node/pods';

const SECOND = 1000;
const WAIT = "trap 'exit 0' TERM; while true; do sleep 0.1; done";

let node: KubeletNode;
/** What the test says to containers: it lies in each of them at /host. */
let host: string;

beforeAll(async () => {
  node = await startKubeletNode();
  host = join(node.dir, 'host');
  mkdirSync(host);
}, 120 * SECOND);

afterAll(async () => {
  await node.stop();
}, 120 * SECOND);

function run(name: string, container: ContainerParts): void {
  const volumes = [{ name: 'host', hostPath: { path: host } }];
  const mounted = { ...container, volumeMounts: [{ name: 'host', mountPath: '/host' }] };
  putPod(node, podManifest(name, [mounted], { volumes }));
}

const say = (name: string): void => writeFileSync(join(host, name), '');
const unsay = (name: string): void => rmSync(join(host, name));
const main = (pod: PodView) => containerOf(pod, 'main');

describe('a readiness probe by exec', () => {
  it('makes the pod ready and unready, as often as its answer changes, and restarts nothing', async () => {
    run(
      'readiness',
      shell('main', WAIT, { readinessProbe: execProbe('test -e /host/ready', { failureThreshold: 1 }) }),
    );
    const first = await podUntil(node, 'readiness', { what: 'runs' }, (pod) => main(pod).state.running !== undefined);
    expect(isTrue(first, 'Ready')).toBe(false);
    for (const round of [1, 2]) {
      say('ready');
      await ready(node, 'readiness');
      unsay('ready');
      const what = `is unready again, round ${round}`;
      const pod = await podUntil(node, 'readiness', { what }, (seen) => !isTrue(seen, 'Ready'));
      expect({ ...main(pod), ready: false }).toEqual({ ...main(first), ready: false });
    }
  });
});

describe('a liveness probe by exec', () => {
  it('has a container that fails it killed and started again', async () => {
    say('alive');
    run('liveness', shell('main', WAIT, { livenessProbe: execProbe('test -e /host/alive', { failureThreshold: 2 }) }));
    const before = await ready(node, 'liveness');
    expect(main(before).restartCount).toBe(0);
    unsay('alive');
    const killed = await podUntil(node, 'liveness', { what: 'was killed' }, (pod) => main(pod).restartCount === 1);
    say('alive');
    expect(criId(main(killed))).not.toBe(criId(main(before)));
    const { terminated } = main(killed).lastState;
    // It obeys SIGTERM, so its end is a good one.
    expect(terminated).toMatchObject({ exitCode: 0, containerID: main(before).containerID });
    await ready(node, 'liveness');
  });
});

describe('a startup probe by exec', () => {
  it('holds the others back until it has succeeded', async () => {
    const probes = {
      startupProbe: execProbe('test -e /host/started', { failureThreshold: 60 }),
      livenessProbe: execProbe('test -e /host/started', { failureThreshold: 1 }),
    };
    run('startup', shell('main', WAIT, probes));
    const slow = await podUntil(node, 'startup', { what: 'runs' }, (pod) => main(pod).state.running !== undefined);
    expect(main(slow)).toMatchObject({ started: false, ready: false });
    const since = Date.parse(main(slow).state.running?.startedAt ?? '');
    // Two rounds of the liveness probe would have killed it.
    await podUntil(node, 'startup', { what: 'has run for three seconds' }, () => Date.now() - since > 3 * SECOND);
    say('started');
    const done = await podUntil(node, 'startup', { what: 'is started' }, (pod) => main(pod).started === true);
    expect(main(done)).toMatchObject({ restartCount: 0, containerID: main(slow).containerID });
  });
});

describe('an exec probe that hangs', () => {
  it('fails, and what it started is ended', async () => {
    const readinessProbe = execProbe('test -e /host/quick || exec sleep 4242', {
      timeoutSeconds: 1,
      failureThreshold: 1,
    });
    say('quick');
    run('hanging', shell('main', WAIT, { readinessProbe }));
    await ready(node, 'hanging');
    unsay('quick');
    await podUntil(node, 'hanging', { what: 'is unready' }, (pod) => !isTrue(pod, 'Ready'));
    say('quick');
    const pod = await ready(node, 'hanging');
    const { stdout } = await exec(node, criId(main(pod)), 'ps', '-o', 'args');
    // The next probe's own shell has these words too.
    expect(stdout.split('\n').map((line) => line.trim())).not.toContain('sleep 4242');
    expect(main(pod).restartCount).toBe(0);
  });
});

describe('a probe over the network', () => {
  it('reaches the pod at its address, by HTTP and by TCP', async () => {
    run('http', web('main', { readinessProbe: httpProbe('/'), livenessProbe: tcpProbe(80) }));
    run('http-missing', web('main', { readinessProbe: httpProbe('/missing') }));
    run('tcp-closed', web('main', { readinessProbe: tcpProbe(81) }));
    const pod = await ready(node, 'http');
    expect(main(pod).restartCount).toBe(0);
    for (const name of ['http-missing', 'tcp-closed']) {
      const up = await podUntil(node, name, { what: 'runs' }, (seen) => main(seen).state.running !== undefined);
      expect(isTrue(up, 'Ready')).toBe(false);
    }
  });
});
