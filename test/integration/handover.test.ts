import { execFile } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { ContainerState, NamespaceMode, PodSandboxState } from '../../generated/cri/v1/api';
import { isAtHand } from '../support/daemon/containerd';
import { checkout } from '../support/daemon/places';
import {
  createContainer,
  exec,
  nothingLeft,
  type Pod,
  pidOf,
  podStatusOf,
  removePod,
  runContainer,
  runPod,
  shell,
  statusOf,
} from '../support/node/pods';
import { SwapNode } from '../support/node/swap-node';

const SECOND = 1000;
const own = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } } };
const onHost = {
  linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER, network: NamespaceMode.NODE } } },
};
const WITHOUT = { containerd: { runtimes: { runc: { infra_container: 'auto' } } } };

let node: SwapNode;
afterEach(() => node.stop(), 60 * SECOND);

async function handOver(): Promise<{ code: number; out: string }> {
  const argv = [join(checkout(), 'dist/crisp.js'), 'handover', '--config', node.crisp.configFile];
  return promisify(execFile)(process.execPath, argv).then(
    ({ stdout }) => ({ code: 0, out: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout + error.stderr,
    }),
  );
}

const namespacesOf = (pid: number): string[] =>
  ['net', 'ipc', 'uts'].map((kind) => readlinkSync(`/proc/${pid}/ns/${kind}`));

async function stateOf(pod: Pod): Promise<unknown> {
  const { state, network } = await podStatusOf(node, pod);
  return { state, network };
}

describe.each((['1.6', '2'] as const).filter(isAtHand))('crisp handover on containerd %s', (version) => {
  it(
    'lets the plugin take over pods that had no pause task, with all that runs in them',
    async () => {
      node = await SwapNode.start(version);
      await node.toCrisp({}, WITHOUT);
      const pod = await runPod(node, own);
      const main = await runContainer(node, pod, shell('main', 'sleep 1000', own));
      const waiting = await createContainer(node, pod, shell('waiting', 'sleep 1000', own));
      const empty = await runPod(node, own);
      const agent = await runPod(node, onHost);
      await runContainer(node, agent, shell('agent', 'sleep 1000', onHost));
      const stopped = await runPod(node, own);
      await node.cri.runtime.stopPodSandbox({ podSandboxId: stopped.id });
      const before = { pod: await stateOf(pod), empty: await stateOf(empty), agent: await stateOf(agent) };
      const pid = await pidOf(node, main);
      const namespaces = namespacesOf(pid);

      const refused = await handOver();
      expect(refused).toMatchObject({ code: 1, out: expect.stringContaining('stop it first') });
      await node.toPlugin({
        unserved: async () => {
          const { code, out } = await handOver();
          expect(out).toContain('3 pods were given a pause task, 1 are not ready, 0 failed');
          expect(code).toBe(0);
        },
      });

      expect({ pod: await stateOf(pod), empty: await stateOf(empty), agent: await stateOf(agent) }).toEqual(before);
      expect((await podStatusOf(node, stopped)).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
      expect(await pidOf(node, main)).toBe(pid);
      expect((await exec(node, main, 'hostname')).stdout).toBe(`${pod.config.hostname}\n`);
      await node.cri.runtime.startContainer({ containerId: waiting });
      expect(namespacesOf(await pidOf(node, waiting))).toEqual(namespaces);
      const late = await runContainer(node, pod, shell('late', 'sleep 1000', own));
      expect(namespacesOf(await pidOf(node, late))).toEqual(namespaces);
      await node.cri.runtime.stopContainer({ containerId: main, timeout: 0n });
      expect((await statusOf(node, main)).state).toBe(ContainerState.CONTAINER_EXITED);
      for (const each of [empty, stopped]) await removePod(node, each);

      await node.toCrisp();
      expect(await stateOf(agent)).toEqual(before.agent);
      for (const each of [pod, agent]) await removePod(node, each);
      await nothingLeft(node);
    },
    180 * SECOND,
  );
});
