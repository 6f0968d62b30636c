import { readFileSync } from 'node:fs';

import { until } from '../../support/daemon/process';
import {
  fetched,
  findPod,
  fullName,
  type KubeletNode,
  logWith,
  podUntil,
  putPod,
  ready,
  stage,
  startKubeletNode,
} from '../../support/kubelet/kubelet-node';
import { podManifest, shell, web } from '../../support/kubelet/manifest';
import { containerOf } from '../../support/kubelet/pod-view';
import { NGINX } from '../../support/node/node';

const SECOND = 1000;

let node: KubeletNode;

beforeAll(async () => {
  node = await startKubeletNode();
}, 120 * SECOND);

afterAll(async () => {
  await node.stop();
}, 120 * SECOND);

describe('a pod that asks kubelet for more than the usual', () => {
  it('sees the processes of all its containers when they share a namespace', async () => {
    const script = "until ps -o args | grep -q '^sleep 4242'; do sleep 0.1; done; ps -o args; echo done; sleep 1000";
    const containers = [shell('main', script), shell('other', 'sleep 4242')];
    putPod(node, podManifest('shared', containers, { shareProcessNamespace: true }));
    await ready(node, 'shared');
    const lines = (await logWith(node, 'shared', 'done')).split('\n');
    expect(lines).toContain('sleep 4242');
    expect(lines[1]).toBe('/pause');
  });

  it('has the host name and resolver that it names', async () => {
    const dnsConfig = {
      nameservers: ['192.0.2.1'],
      searches: ['example.test'],
      options: [{ name: 'ndots', value: '3' }],
    };
    const script = 'hostname; cat /etc/resolv.conf; echo done; sleep 1000';
    putPod(node, podManifest('named', [shell('main', script)], { hostname: 'custom', dnsPolicy: 'None', dnsConfig }));
    await ready(node, 'named');
    const lines = (await logWith(node, 'named', 'done')).trimEnd().split('\n');
    expect(lines).toEqual(['custom', 'search example.test', 'nameserver 192.0.2.1', 'options ndots:3', 'done']);
  });

  it('has an image as a volume, read-only', async () => {
    const script = 'cat /image/usr/share/nginx/html/index.html; touch /image/x 2>&1; echo done; sleep 1000';
    const main = shell('main', script, { volumeMounts: [{ name: 'image', mountPath: '/image' }] });
    putPod(node, podManifest('image', [main], { volumes: [{ name: 'image', image: { reference: NGINX } }] }));
    await ready(node, 'image');
    const log = await logWith(node, 'image', 'done');
    expect(log).toContain('Welcome to nginx!');
    expect(log).toContain('Read-only file system');
  });

  it('is root of a user namespace that is nobody outside, or is refused where the runtime cannot give it one', async () => {
    const script = 'cat /proc/self/uid_map; touch /shared/file; ls -ln /shared; echo done; sleep 1000';
    const main = shell('main', script, { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] });
    putPod(node, podManifest('userns', [main], { hostUsers: false, volumes: [{ name: 'shared', emptyDir: {} }] }));
    if (stage() === '1.6') {
      const words = 'does not support user namespaces';
      const log = (): string => readFileSync(node.kubelet.daemon.logFile, 'utf8');
      await until('kubelet says why not', 20 * SECOND, async () => log().includes(words));
      expect((await findPod(node, 'userns'))?.status.phase).toBe('Pending');
      return;
    }
    await ready(node, 'userns');
    const lines = (await logWith(node, 'userns', 'done')).split('\n');
    const [inside, outside, count] = (lines[0] ?? '').trim().split(/\s+/).map(Number);
    expect({ inside, count }).toEqual({ inside: 0, count: 65_536 });
    expect(outside).toBeGreaterThanOrEqual(65_536);
    expect(lines.find((line) => line.endsWith(' file'))).toMatch(/^-rw-r--r--\s+1 0\s+0\s/);
  });
});

describe('a pod whose manifest changes', () => {
  it('is ended, and another one is started in its place', async () => {
    putPod(node, podManifest('changing', [shell('main', 'echo old; sleep 1000')]));
    const before = await ready(node, 'changing');
    putPod(node, podManifest('changing', [web('web')]));
    const after = await podUntil(node, 'changing', { what: 'is the new one' }, ({ metadata, status }) => {
      return metadata.uid !== before.metadata.uid && status.phase === 'Running';
    });
    expect(containerOf(after, 'web').restartCount).toBe(0);
    await until('one of that name runs', 20 * SECOND, async () => {
      const names = await node.api.runningPods();
      return names.filter((name) => name === fullName(node, 'changing')).length === 1;
    });
    const answer = await fetched(`http://${(await ready(node, 'changing')).status.podIP}/`);
    expect(answer.status).toBe(200);
  });
});
