import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { basename, join } from 'node:path';

import { ContainerState } from '../../generated/cri/v1/api';
import { isAtHand } from '../support/daemon/containerd';
import { until } from '../support/daemon/process';
import { startNode, type TestNode } from '../support/node/node';
import {
  createContainer,
  nothingLeft,
  type Pod,
  podConfig,
  removePod,
  runPod,
  shell,
  statusOf,
} from '../support/node/pods';

const SECOND = 1000;
/** After this many milliseconds callers leave: while the task is made, while it starts, and after. */
const DELAYS = Array.from({ length: 10 }, (_, at) => at * 18);

let node: TestNode;
let cgroup: string;

beforeEach(async () => {
  // 2.x gives its shim's calls up with their caller, 1.6 does not.
  const version = isAtHand('2') ? '2' : '1.6';
  node = await startNode({ version });
  cgroup = basename(node.dir).toLowerCase();
}, 60 * SECOND);

afterEach(async () => {
  await node.stop();
  for (const folder of folders()) rmdirSync(folder);
}, 60 * SECOND);

/** The pods' parent cgroup, in each hierarchy that has it. */
function folders(): string[] {
  const tops = ['', ...readdirSync('/sys/fs/cgroup')].map((top) => join('/sys/fs/cgroup', top, cgroup));
  return tops.filter((path) => existsSync(path));
}

/** Cgroups that containers have left in it. */
function cgroupsLeft(): string[] {
  return folders().flatMap((folder) =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(folder, name)),
  );
}

const linux = () => ({ cgroupParent: `/${cgroup}` });

/** Makes a call whose caller leaves after a while; it does not matter how the call ends. */
async function leaving(delayMs: number, call: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const signal = AbortSignal.timeout(delayMs + 1);
  await call(signal).catch(() => undefined);
}

describe('a caller that leaves', () => {
  it(
    'while a container starts leaves no half of it behind',
    async () => {
      const pod = await runPod(node, { linux: linux() });
      const ids: string[] = [];
      for (const [at, delay] of DELAYS.entries()) {
        const id = await createContainer(node, pod, shell(`c${at}`, 'sleep 1000'));
        ids.push(id);
        await leaving(delay, (signal) => node.cri.runtime.startContainer({ containerId: id }, { signal }));
      }
      for (const id of ids) {
        // Refused while the start that nobody waits for goes on.
        await until('the container is removed', 20 * SECOND, () =>
          node.cri.runtime.removeContainer({ containerId: id }).then(
            () => true,
            () => false,
          ),
        );
      }
      await removePod(node, pod);
      await nothingLeft(node);
      expect(cgroupsLeft()).toEqual([]);
    },
    120 * SECOND,
  );

  it(
    'while a pod starts leaves no half of it behind',
    async () => {
      for (const delay of DELAYS) {
        const config = podConfig(node, { linux: linux() });
        await leaving(delay * 2, (signal) =>
          node.cri.runtime.runPodSandbox({ config, runtimeHandler: '' }, { signal }),
        );
        // An equal request joins the one that goes on, or begins again when it was undone.
        const { podSandboxId } = await node.cri.runtime.runPodSandbox({ config, runtimeHandler: '' });
        await removePod(node, { id: podSandboxId, config } satisfies Pod);
      }
      await nothingLeft(node);
      expect(cgroupsLeft()).toEqual([]);
    },
    120 * SECOND,
  );

  it(
    'while a command starts leaves no process of it behind',
    async () => {
      const pod = await runPod(node, { linux: linux() });
      const id = await createContainer(node, pod, shell('main', 'sleep 1000'));
      await node.cri.runtime.startContainer({ containerId: id });
      const request = { containerId: id, cmd: ['sleep', '4242'], timeout: 0n };
      for (const delay of DELAYS) await leaving(delay, (signal) => node.cri.runtime.execSync(request, { signal }));
      const list = { containerId: id, cmd: ['ps', '-o', 'args'], timeout: 20n };
      const running = async (): Promise<string> => (await node.cri.runtime.execSync(list)).stdout.toString();
      await until('none of them runs', 15 * SECOND, async () => !(await running()).includes('4242'));
      expect((await statusOf(node, id)).state).toBe(ContainerState.CONTAINER_RUNNING);
      await removePod(node, pod);
      await nothingLeft(node);
      expect(cgroupsLeft()).toEqual([]);
    },
    120 * SECOND,
  );
});
