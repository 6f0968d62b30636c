import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { until } from '../../support/daemon/process';
import { foldersOf, readCgroupFile } from '../../support/kubelet/cgroup';
import {
  deletePod,
  ended,
  fetched,
  findPod,
  fullName,
  type KubeletNode,
  logsOf,
  logWith,
  podUntil,
  putPod,
  ready,
  startKubeletNode,
} from '../../support/kubelet/kubelet-node';
import { execProbe, podManifest, shell, web } from '../../support/kubelet/manifest';
import { containerOf, criId } from '../../support/kubelet/pod-view';

const SECOND = 1000;
/** kubelet collects what a pod leaves once a minute. */
const COLLECTED = 240 * SECOND;

let node: KubeletNode;
let host: string;

beforeAll(async () => {
  node = await startKubeletNode({ flags: ['--minimum-container-ttl-duration=0s'] });
  host = join(node.dir, 'host');
  mkdirSync(host);
  writeFileSync(join(host, 'given'), 'from the host\n');
  putPod(node, whole());
  putPod(node, unlucky());
  putPod(node, limited());
  putPod(node, podManifest('on-the-host', [shell('main', 'hostname; sleep 1000')], { hostNetwork: true }));
}, 120 * SECOND);

afterAll(async () => {
  await node.stop();
}, 120 * SECOND);

/** A pod with one of each: init container, sidecar, volumes, environment, hooks. */
function whole() {
  const mounts = (readOnly: boolean) => [
    { name: 'memory', mountPath: '/memory' },
    { name: 'host', mountPath: '/host', readOnly },
  ];
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  const main = shell('main', MAIN, {
    env: [{ name: 'GREETING', value: 'a<b & "c"' }, field('POD', 'metadata.name'), field('ADDRESS', 'status.podIP')],
    volumeMounts: mounts(false),
    lifecycle: {
      postStart: { exec: { command: ['sh', '-c', 'echo started > /memory/hook'] } },
      preStop: { exec: { command: ['sh', '-c', 'echo preStop >> /host/end'] } },
    },
    readinessProbe: execProbe('test -e /memory/hook'),
  });
  const init = shell('init', 'cat /host/given > /memory/made; ! touch /host/nope', { volumeMounts: mounts(true) });
  const side = shell('side', SIDE, { restartPolicy: 'Always', volumeMounts: mounts(false) });
  return podManifest('whole', [main, web('web')], {
    initContainers: [init, side],
    volumes: [
      { name: 'memory', emptyDir: { medium: 'Memory' } },
      { name: 'host', hostPath: { path: host, type: 'Directory' } },
    ],
    hostAliases: [{ ip: '192.0.2.7', hostnames: ['elsewhere'] }],
    terminationGracePeriodSeconds: 50,
  });
}

const MAIN = `
trap 'echo "SIGTERM after $(cat /host/end)" >> /host/end; sleep 2; echo done >> /host/end; exit 0' TERM
echo "$GREETING"; echo "$POD"; echo "$ADDRESS"; cat /memory/made; hostname; grep elsewhere /etc/hosts
grep -c . /etc/resolv.conf; stat -f -c %T /memory
while true; do sleep 0.1; done`;
const SIDE = "trap 'echo side >> /host/end; exit 0' TERM; while true; do sleep 0.1; done";

function unlucky() {
  const tell = (name: string, script: string, parts = {}) => shell(name, script, parts);
  return podManifest(
    'unlucky',
    [
      tell('well', 'echo -n "all is well" > /dev/termination-log'),
      tell('badly', 'echo -n "out of luck" > /dev/termination-log; exit 3'),
      tell('wordless', 'echo first >&2; echo last words >&2; exit 4', {
        terminationMessagePolicy: 'FallbackToLogsOnError',
      }),
      tell('hungry', 'tail /dev/zero', { resources: { limits: { memory: '16Mi' } } }),
      { ...shell('absent', ''), command: ['/no/such/program'] },
    ],
    { restartPolicy: 'Never' },
  );
}

function limited() {
  const resources = { limits: { cpu: '250m', memory: '64Mi' }, requests: { cpu: '100m', memory: '32Mi' } };
  const securityContext = { runAsUser: 1000, runAsGroup: 2000, readOnlyRootFilesystem: true };
  return podManifest('limited', [shell('main', 'id; touch /nope; sleep 1000', { resources, securityContext })], {
    securityContext: { fsGroup: 3000, sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }] },
  });
}

describe('a pod that kubelet runs through crisp', () => {
  it('is shown Running and ready, with the address that its network gave', async () => {
    const pod = await ready(node, 'whole');
    expect(pod.status).toMatchObject({ phase: 'Running', podIP: expect.stringMatching(/^10\.\d+\.\d+\.\d+$/) });
    const running = { ready: true, started: true, restartCount: 0, state: { running: {} } };
    expect(containerOf(pod, 'main')).toMatchObject(running);
    expect(containerOf(pod, 'side')).toMatchObject(running);
    expect(containerOf(pod, 'web')).toMatchObject({
      ...running,
      image: 'registry.k8s.io/e2e-test-images/nginx:1.14-2',
      imageID: expect.stringMatching(/^registry\.k8s\.io\/e2e-test-images\/nginx@sha256:[0-9a-f]{64}$/),
      containerID: expect.stringMatching(/^containerd:\/\/[0-9a-f]{64}$/),
    });
    const init = containerOf(pod, 'init').state.terminated;
    expect(init).toMatchObject({ exitCode: 0, reason: 'Completed' });
    const startedAt = containerOf(pod, 'main').state.running?.startedAt ?? '';
    expect(Date.parse(startedAt)).toBeGreaterThanOrEqual(Date.parse(init?.finishedAt ?? ''));
  });

  it('serves at that address', async () => {
    const { status } = await ready(node, 'whole');
    const answer = await fetched(`http://${status.podIP}/`);
    expect(await answer.text()).toContain('Welcome to nginx!');
  });

  it('has its environment, volumes, hosts and name', async () => {
    const { status } = await ready(node, 'whole');
    const lines = (await logsOf(node, 'whole', 'main')).trim().split('\n');
    const name = fullName(node, 'whole');
    expect(lines.slice(0, 5)).toEqual(['a<b & "c"', name, status.podIP, 'from the host', name]);
    expect(lines[5]).toMatch(/^192\.0\.2\.7\s+elsewhere$/);
    expect(Number(lines[6])).toBeGreaterThan(0);
    expect(lines[7]).toBe('tmpfs');
    expect(existsSync(join(host, 'nope'))).toBe(false);
  });

  it('tells why each container ended, with its last words', async () => {
    const done = { what: 'has ended' };
    const pod = await podUntil(node, 'unlucky', done, ({ status }) => status.phase === 'Failed');
    const ends = (pod.status.containerStatuses ?? []).map(({ name, state }) => [name, state.terminated]);
    expect(Object.fromEntries(ends)).toEqual({
      well: expect.objectContaining({ exitCode: 0, reason: 'Completed', message: 'all is well' }),
      badly: expect.objectContaining({ exitCode: 3, reason: 'Error', message: 'out of luck' }),
      wordless: expect.objectContaining({ exitCode: 4, reason: 'Error', message: 'first\nlast words\n' }),
      hungry: expect.objectContaining({ exitCode: 137, reason: 'OOMKilled' }),
      absent: expect.objectContaining({
        exitCode: 128,
        reason: 'StartError',
        message: expect.stringContaining('/no/such/program'),
      }),
    });
  });

  it('runs as the user it names, on a file system it cannot write to, within its limits', async () => {
    const pod = await ready(node, 'limited');
    const log = await logWith(node, 'limited', 'Read-only file system');
    expect(log).toContain('uid=1000 gid=2000 groups=2000,3000');
    expect(log).toContain('Read-only file system');
    const parent = `${node.kubelet.cgroup}/kubepods/burstable/pod${pod.metadata.uid}`;
    const own = `${parent}/${criId(containerOf(pod, 'main'))}`;
    const limit = 64 << 20;
    for (const cgroup of [parent, own]) {
      const memory = readCgroupFile(cgroup, 'memory.limit_in_bytes') ?? readCgroupFile(cgroup, 'memory.max');
      expect(Number(memory)).toBe(limit);
    }
    const quota = readCgroupFile(own, 'cpu.cfs_quota_us') ?? readCgroupFile(own, 'cpu.max');
    expect(quota).toMatch(/^25000\b/);
  });

  it("has the host's name and address when it asks for its network", async () => {
    await ready(node, 'on-the-host');
    expect(await logWith(node, 'on-the-host', '\n')).toBe(readFileSync('/proc/sys/kernel/hostname', 'utf8'));
  });
});

describe('a pod whose manifest is taken away', () => {
  it(
    'runs its preStop hook, gets SIGTERM and the time it needs, and its sidecar ends last',
    async () => {
      await ready(node, 'whole');
      const before = Date.now();
      deletePod(node, 'whole');
      await ended(node, 'whole');
      expect(readFileSync(join(host, 'end'), 'utf8').split('\n')).toEqual([
        'preStop',
        'SIGTERM after preStop',
        'done',
        'side',
        '',
      ]);
      // Nothing waited for the fifty seconds to pass.
      expect(Date.now() - before).toBeLessThan(40 * SECOND);
    },
    90 * SECOND,
  );

  it(
    'leaves nothing once kubelet has collected: no container, network, mount, cgroup, log or folder',
    async () => {
      for (const name of ['unlucky', 'limited', 'on-the-host']) {
        if ((await findPod(node, name)) !== undefined) deletePod(node, name);
      }
      const everything = (): unknown => ({
        runtime: node.left(),
        logs: readdirSync(node.kubelet.podLogs),
        folders: readdirSync(join(node.kubelet.root, 'pods')),
        cgroups: foldersOf(`${node.kubelet.cgroup}/kubepods`).flatMap(cgroupsOfPods),
        links: readdirSync(join(node.kubelet.home, 'fixed/var/log/upper/containers')),
      });
      const nothing = { runtime: '0', logs: [], folders: [], cgroups: [], links: [] };
      await until('nothing is left', COLLECTED, async () => JSON.stringify(everything()) === JSON.stringify(nothing))
        // The comparison below says what is.
        .catch(() => undefined);
      expect(everything()).toEqual(nothing);
    },
    COLLECTED + 30 * SECOND,
  );
});

/** Folders of pods in one hierarchy, in each class of service. */
function cgroupsOfPods(kubepods: string): string[] {
  const classes = [kubepods, join(kubepods, 'burstable'), join(kubepods, 'besteffort')];
  return classes
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).filter((name) => /^pod/.test(name)));
}
