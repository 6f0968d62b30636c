import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { ContainerState, PodSandboxState } from '../../generated/cri/v1/api';
import { isAtHand } from '../support/daemon/containerd';
import { mountsBelow, shimOf } from '../support/daemon/leftovers';
import { until } from '../support/daemon/process';
import type { TestNode } from '../support/node/node';
import { exec, podStatusOf, removePod, runContainer, runPod, serving, shell, statusOf } from '../support/node/pods';
import { alone } from '../support/node/swap-pods';
import { useNode } from '../support/node/use-node';

const SECOND = 1000;

const nodes = useNode();

function pidOf(id: string): number {
  const file = join(nodes.now.containerd.root, 'io.containerd.grpc.v1.cri/containers', id, 'status');
  return (JSON.parse(readFileSync(file, 'utf8')) as { Pid: number }).Pid;
}

describe.each((['1.6', '2'] as const).filter(isAtHand))('a shim of containerd %s that is killed', (version) => {
  it(
    'ends its pod within seconds, and no other; the pod can be stopped and removed',
    async () => {
      const node = await nodes.start({ version });
      const [pod, other] = [await runPod(node), await runPod(node)];
      const id = await runContainer(node, pod, shell('sleeper', 'sleep 1000'));
      // Its processes do not end with those of pause.
      const own = await runContainer(node, pod, alone('alone', 'sleep 1000'));
      const pid = pidOf(own);
      const well = await runContainer(node, other, shell('sleeper', 'sleep 1000'));
      process.kill(shimOf(node.containerd.address, pod.id), 'SIGKILL');
      await until('the pod is NOTREADY', 20 * SECOND, async () => {
        const { state } = await podStatusOf(node, pod);
        return state === PodSandboxState.SANDBOX_NOTREADY;
      });
      for (const each of [id, own]) {
        await until('its container is EXITED', 20 * SECOND, async () => {
          const { state } = await statusOf(node, each);
          return state === ContainerState.CONTAINER_EXITED;
        });
        expect((await statusOf(node, each)).exitCode).not.toBe(0);
      }
      await until('its process has ended', 20 * SECOND, async () => !existsSync(`/proc/${pid}`));
      expect((await exec(node, well, 'echo', 'hello')).stdout).toBe('hello\n');
      await removePod(node, pod);
      await removePod(node, other);
    },
    90 * SECOND,
  );
});

describe.each((['1.6', '2'] as const).filter(isAtHand))('a shim that containerd %s has let go of', (version) => {
  it(
    'is ended by the sweep of the next start, and one of a pod is not',
    async () => {
      const node = await nodes.start({ version });
      const { address, state } = node.containerd;
      const [pod, forgotten] = [await runPod(node), await runPod(node)];
      const [other, shim] = [shimOf(address, pod.id), shimOf(address, forgotten.id)];
      const [pause] = tasksPids(node, forgotten.id);
      // The shim knows a task that has ended, and containerd knows neither.
      await node.crisp.kill();
      await node.containerd.stop();
      const bundle = join(state, 'io.containerd.runtime.v2.task/k8s.io', forgotten.id);
      for (const point of mountsBelow(bundle)) execFileSync('umount', [point]);
      rmSync(bundle, { recursive: true });
      process.kill(pause ?? 0, 'SIGKILL');
      await node.containerd.restart();
      node.containerd.ctr('containers', 'delete', forgotten.id);
      await node.crisp.start();
      await serving(node);
      expect(existsSync(`/proc/${shim}`)).toBe(true);
      await until('it has ended', 40 * SECOND, async () => !existsSync(`/proc/${shim}`));
      expect(existsSync(`/proc/${other}`)).toBe(true);
      await removePod(node, pod);
    },
    120 * SECOND,
  );
});

/** The first process of a task, as containerd has it. */
function tasksPids(node: TestNode, id: string): number[] {
  const rows = node.containerd.ctr('tasks', 'list').split('\n');
  return rows.filter((row) => row.startsWith(id)).map((row) => Number(row.split(/\s+/)[1]));
}
