import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { ContainerState, NamespaceMode, PodSandboxState } from '../../generated/cri/v1/api';
import { isAtHand } from '../support/daemon/containerd';
import { shimPids } from '../support/daemon/leftovers';
import { until } from '../support/daemon/process';
import { startNode, type TestNode } from '../support/node/node';
import {
  createContainer,
  exec,
  exitOf,
  failure,
  nothingLeft,
  type Pod,
  pidOf,
  podStatusOf,
  removePod,
  runContainer,
  runPod,
  serving,
  shell,
  statusOf,
} from '../support/node/pods';

const SECOND = 1000;
const { CONTAINER, NODE, POD } = NamespaceMode;

let node: TestNode;
afterAll(() => node?.stop(), 60 * SECOND);

const own = { linux: { securityContext: { namespaceOptions: { pid: CONTAINER } } } };
const sleeper = (name: string) => shell(name, 'sleep 1000', own);

async function namespacesOf(containerId: string): Promise<Record<string, string>> {
  const pid = await pidOf(node, containerId);
  return Object.fromEntries(
    ['net', 'ipc', 'uts', 'pid'].map((kind) => [kind, readlinkSync(`/proc/${pid}/ns/${kind}`)]),
  );
}

const ofHost = (kind: string): string => readlinkSync(`/proc/self/ns/${kind}`);
const shims = (): number[] => shimPids(node.containerd.address);
const tasks = (): string => node.containerd.ctr('tasks', 'list', '--quiet');

async function restart(how: 'stop' | 'kill'): Promise<void> {
  await node.crisp[how]();
  await node.crisp.start();
  await serving(node);
}

describe.each((['1.6', '2'] as const).filter(isAtHand))('Pods without a pause task on containerd %s', (version) => {
  beforeAll(async () => {
    await node?.stop();
    node = await startNode({ version, settings: { containerd: { runtimes: { runc: { infra_container: 'auto' } } } } });
  }, 90 * SECOND);

  afterEach(async () => {
    await nothingLeft(node);
  });

  it(
    'have namespaces that their containers share, the name and the sysctls that they ask for, and no task',
    async () => {
      const sysctls = { 'kernel.shmmni': '1111', 'net.ipv4.ip_unprivileged_port_start': '80' };
      const pod = await runPod(node, { hostname: 'named', linux: { ...own.linux, sysctls } });
      expect({ tasks: tasks(), shims: shims() }).toEqual({ tasks: '', shims: [] });
      const a = await runContainer(node, pod, sleeper('a'));
      const b = await runContainer(node, pod, sleeper('b'));
      const [ofA, ofB] = [await namespacesOf(a), await namespacesOf(b)];
      for (const kind of ['net', 'ipc', 'uts']) {
        expect(ofA[kind]).toBe(ofB[kind]);
        expect(ofA[kind]).not.toBe(ofHost(kind));
      }
      expect(ofA.pid).not.toBe(ofB.pid);
      expect(shims()).toHaveLength(1);
      const values = ['kernel/hostname', 'kernel/shmmni', 'net/ipv4/ip_unprivileged_port_start'];
      const { stdout } = await exec(node, b, 'cat', ...values.map((name) => `/proc/sys/${name}`));
      expect(stdout).toBe('named\n1111\n80\n');
      expect((await exec(node, a, 'sh', '-c', 'echo shared > /dev/shm/word')).exitCode).toBe(0);
      expect((await exec(node, b, 'cat', '/dev/shm/word')).stdout).toBe('shared\n');
      const { status, info } = await node.cri.runtime.podSandboxStatus({ podSandboxId: pod.id, verbose: true });
      expect((await exec(node, a, 'ip', '-4', 'addr')).stdout).toContain(status?.network?.ip);
      expect(JSON.parse(info.info ?? '{}')).toMatchObject({ pid: 0, processStatus: 'running' });
      const { stats } = await node.cri.runtime.podSandboxStats({ podSandboxId: pod.id });
      expect(stats?.linux?.network?.defaultInterface?.name).toBe('eth0');
      await removePod(node, pod);
    },
    60 * SECOND,
  );

  it(
    'go on while their shim comes and goes with their containers',
    async () => {
      const pod = await runPod(node, own);
      const first = await runContainer(node, pod, sleeper('first'));
      const [shim] = shims();
      const second = await runContainer(node, pod, sleeper('second'));
      // The one that brought the shim ends and goes; the shim stays for the other.
      await node.cri.runtime.stopContainer({ containerId: first, timeout: 0n });
      await node.cri.runtime.removeContainer({ containerId: first });
      expect(shims()).toEqual([shim]);
      expect((await exec(node, second, 'echo', 'here')).stdout).toBe('here\n');
      const third = await runContainer(node, pod, sleeper('third'));
      for (const containerId of [second, third]) await node.cri.runtime.stopContainer({ containerId, timeout: 0n });
      await until('the shim has gone', 20 * SECOND, async () => shims().length === 0);
      // One after the other without a pause between them, as init containers and crashing ones are.
      for (let attempt = 0; attempt < 5; attempt++) {
        const config = shell('crash', `exit ${attempt + 1}`, { ...own, metadata: { name: 'crash', attempt } });
        expect((await exitOf(node, await runContainer(node, pod, config))).exitCode).toBe(attempt + 1);
      }
      expect((await podStatusOf(node, pod)).state).toBe(PodSandboxState.SANDBOX_READY);
      await removePod(node, pod);
    },
    90 * SECOND,
  );

  it(
    'stay READY when their shim is killed, and can have containers again',
    async () => {
      const pod = await runPod(node, own);
      const id = await runContainer(node, pod, sleeper('main'));
      process.kill(shims()[0] as number, 'SIGKILL');
      expect((await exitOf(node, id)).state).toBe(ContainerState.CONTAINER_EXITED);
      expect((await podStatusOf(node, pod)).state).toBe(PodSandboxState.SANDBOX_READY);
      const again = await runContainer(
        node,
        pod,
        shell('main', 'sleep 1000', { ...own, metadata: { name: 'main', attempt: 1 } }),
      );
      expect((await exec(node, again, 'hostname')).stdout).toBe(`${pod.config.hostname}\n`);
      await removePod(node, pod);
    },
    60 * SECOND,
  );

  it.each(['stop', 'kill'] as const)(
    'are found again after a %s of crisp, with and without containers',
    async (how) => {
      const pod = await runPod(node, own);
      const empty = await runPod(node, own);
      const stopped = await runPod(node, own);
      const main = await runContainer(node, pod, sleeper('main'));
      const created = await createContainer(node, pod, sleeper('created'));
      await node.cri.runtime.stopPodSandbox({ podSandboxId: stopped.id });
      const before = await podStatusOf(node, pod);
      await restart(how);
      expect(await podStatusOf(node, pod)).toEqual(before);
      expect((await podStatusOf(node, empty)).state).toBe(PodSandboxState.SANDBOX_READY);
      expect((await podStatusOf(node, stopped)).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
      await node.cri.runtime.startContainer({ containerId: created });
      expect((await namespacesOf(created)).net).toBe((await namespacesOf(main)).net);
      await runContainer(node, empty, sleeper('main'));
      for (const each of [pod, empty, stopped]) await removePod(node, each);
    },
    90 * SECOND,
  );

  it(
    'are NOTREADY after a reboot',
    async () => {
      const pod = await runPod(node, own);
      await node.crisp.stop();
      const pins = join(node.containerd.state, 'io.containerd.grpc.v1.cri/sandboxes', pod.id, 'pinned-namespaces');
      for (const path of [join(pins, 'ipc'), join(pins, 'uts')]) {
        expect(statSync(path).isFile()).toBe(true);
        execFileSync('umount', [path]);
      }
      rmSync(pins, { recursive: true });
      await node.crisp.start();
      await serving(node);
      expect((await podStatusOf(node, pod)).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
      await removePod(node, pod);
    },
    60 * SECOND,
  );

  it(
    'share what they ask for with the host, and have the host name of the node on its network',
    async () => {
      const options = { pid: CONTAINER, network: NODE };
      const pod = await runPod(node, { linux: { securityContext: { namespaceOptions: options } } });
      const id = await runContainer(
        node,
        pod,
        shell('main', 'sleep 1000', { linux: { securityContext: { namespaceOptions: options } } }),
      );
      const { net, uts, ipc } = await namespacesOf(id);
      expect({ net, uts }).toEqual({ net: ofHost('net'), uts: ofHost('uts') });
      expect(ipc).not.toBe(ofHost('ipc'));
      const all = { pid: NODE, network: NODE, ipc: NODE };
      const bare = await runPod(node, { linux: { securityContext: { namespaceOptions: all } } });
      const inBare = await runContainer(
        node,
        bare,
        shell('main', 'sleep 1000', { linux: { securityContext: { namespaceOptions: all } } }),
      );
      expect(await namespacesOf(inBare)).toEqual(
        Object.fromEntries(['net', 'ipc', 'uts', 'pid'].map((kind) => [kind, ofHost(kind)])),
      );
      expect(tasks().trim().split('\n').sort()).toEqual([id, inBare].sort());
      await restart('kill');
      expect((await podStatusOf(node, bare)).state).toBe(PodSandboxState.SANDBOX_READY);
      for (const each of [pod, bare]) await removePod(node, each);
    },
    60 * SECOND,
  );

  it(
    'are refused, and leave nothing, when the kernel refuses a sysctl',
    async () => {
      const refused = await failure(runPod(node, { linux: { ...own.linux, sysctls: { 'net.ipv4.nothing': '1' } } }));
      expect(refused.message).toContain('sysctl "net.ipv4.nothing" cannot be set to "1": ENOENT');
      expect(readFileSync('/proc/sys/kernel/hostname', 'utf8')).not.toContain('pod-');
    },
    30 * SECOND,
  );

  it(
    'have a pause task all the same when their containers share PIDs',
    async () => {
      const pod: Pod = await runPod(node, { linux: { securityContext: { namespaceOptions: { pid: POD } } } });
      expect(tasks().trim()).toBe(pod.id);
      const id = await runContainer(node, pod, shell('main', 'sleep 1000'));
      expect((await exec(node, id, 'ps')).stdout).toContain('pause');
      expect((await statusOf(node, id)).state).toBe(ContainerState.CONTAINER_RUNNING);
      await removePod(node, pod);
    },
    60 * SECOND,
  );
});
