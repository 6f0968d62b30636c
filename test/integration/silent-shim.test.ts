import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerState, PodSandboxState } from '../../generated/cri/v1/api';
import { containerdPrograms, isAtHand } from '../support/daemon/containerd';
import { until } from '../support/daemon/process';
import type { TestNode } from '../support/node/node';
import { exec, pidOf, podStatusOf, removePod, runContainer, runPod, shell, statusOf } from '../support/node/pods';
import { useNode } from '../support/node/use-node';

const SECOND = 1000;
/** How long a shim may be silent, twice, and what else a stop takes on a slow machine. */
const STOPPED_WITHIN = 60 * SECOND;

const nodes = useNode();

/** While the file is there, the OCI runtime never returns from an exec, as on a disk that does not answer. */
const holdFile = (dir: string): string => join(dir, 'hold-execs');

function hangingRuntime(dir: string, runc: string): string {
  const program = join(dir, 'hanging-runc');
  const script = `#!/bin/sh
case " $* " in *" exec "*) while [ -e ${holdFile(dir)} ]; do sleep 1; done;; esac
exec ${runc} "$@"
`;
  writeFileSync(program, script, { mode: 0o755 });
  return program;
}

/** An exec that the OCI runtime hangs in. It fails when its caller gives up. */
async function hangExec(node: TestNode, containerId: string): Promise<void> {
  writeFileSync(holdFile(node.dir), '');
  const request = { containerId, cmd: ['true'], timeout: 1n };
  await expect(node.cri.runtime.execSync(request, { timeoutMs: 5 * SECOND })).rejects.toThrow();
}

const parentOf = (pid: number): number =>
  Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
const isThere = (pid: number): boolean => existsSync(`/proc/${pid}`);

describe.each((['1.6', '2'] as const).filter(isAtHand))('A shim of containerd %s that tells no end', (version) => {
  const start = (runtime?: Record<string, unknown>): Promise<TestNode> => {
    const settings = (dir: string): Record<string, unknown> => {
      const options = { BinaryName: hangingRuntime(dir, containerdPrograms(version).runc) };
      const runc = { runtime_type: 'io.containerd.runc.v2', ...(runtime ?? { options }) };
      return { containerd: { runtimes: { runc } } };
    };
    return nodes.start({ version, settings });
  };

  it(
    'because an exec hangs in the OCI runtime is freed by the stop of that container, and its pod runs on',
    async () => {
      const node = await start();
      const pod = await runPod(node);
      const id = await runContainer(node, pod, shell('hung', 'sleep 100000'));
      const mate = await runContainer(node, pod, shell('mate', 'sleep 100000'));
      await hangExec(node, id);
      await node.cri.runtime.stopContainer({ containerId: id, timeout: 0n }, { timeoutMs: STOPPED_WITHIN });
      expect(await statusOf(node, id)).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 137 });
      rmSync(holdFile(node.dir));
      expect((await exec(node, mate, 'echo', 'hello')).stdout).toBe('hello\n');
      expect((await podStatusOf(node, pod)).state).toBe(PodSandboxState.SANDBOX_READY);
      await node.cri.runtime.removeContainer({ containerId: id });
      const next = await runContainer(
        node,
        pod,
        shell('hung', 'sleep 100000', { metadata: { name: 'hung', attempt: 1 } }),
      );
      expect((await statusOf(node, next)).state).toBe(ContainerState.CONTAINER_RUNNING);
      await removePod(node, pod);
    },
    120 * SECOND,
  );

  // Each kind of pod once: a stop takes forty seconds.
  it.each<[string, Record<string, string>]>([
    version === '1.6' ? ['with a pause task', {}] : ['without one', { infra_container: 'auto' }],
  ])(
    'and answers nothing is killed with the stop of its pod, and all that runs in it: pods %s',
    async (_, runtime) => {
      const node = await start(runtime);
      const [pod, well] = [await runPod(node), await runPod(node)];
      const id = await runContainer(node, pod, shell('main', 'sleep 100000'));
      const dead = await runContainer(node, pod, shell('dead', 'sleep 100000'));
      const other = await runContainer(node, well, shell('other', 'sleep 100000'));
      const pids = [await pidOf(node, id), await pidOf(node, dead)];
      const shim = parentOf(pids[0] ?? 0);
      process.kill(shim, 'SIGSTOP');
      process.kill(pids[1] as number, 'SIGKILL');
      await node.cri.runtime.stopPodSandbox({ podSandboxId: pod.id }, { timeoutMs: 2 * STOPPED_WITHIN });
      expect((await podStatusOf(node, pod)).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
      for (const each of [id, dead]) {
        expect(await statusOf(node, each)).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 137 });
      }
      await removePod(node, pod);
      await until('its shim and its processes have ended', 10 * SECOND, async () => ![shim, ...pids].some(isThere));
      expect((await statusOf(node, other)).state).toBe(ContainerState.CONTAINER_RUNNING);
      expect((await exec(node, other, 'echo', 'hello')).stdout).toBe('hello\n');
      await removePod(node, well);
    },
    240 * SECOND,
  );
});
