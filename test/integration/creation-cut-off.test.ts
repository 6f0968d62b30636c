import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Logger, silentLogger } from '../../src/base/logger';
import { sleep } from '../../src/base/wait/backoff';
import { ContainerdClient } from '../../src/containerd/client';
import type { Host } from '../../src/host/machine';
import { Paths } from '../../src/host/paths';
import { deleteRuntimeContainer } from '../../src/host/process/oci-runtime';
import { killMakers, killStrays } from '../../src/host/process/stray-processes';
import type { RuntimeHandler } from '../../src/model/runtime-handler';
import { clearHalfMadeTask } from '../../src/tasks/half-made-task';
import { killAndDelete } from '../../src/tasks/kill-and-delete';
import { isAtHand } from '../support/daemon/containerd';
import type { Leftovers } from '../support/daemon/leftovers';
import { removePod, runPod } from '../support/node/pods';
import { useNode } from '../support/node/use-node';

const SECOND = 1000;
/** A task is created within this, on a machine with nothing else to do. */
const CREATION_MS = 60;
const STEP_MS = 3;
/** What the daemon is doing about it goes on for some tens of milliseconds. */
const PAUSES_MS = [0, 5, 20, 80];

const nodes = useNode();

function client(): ContainerdClient {
  return new ContainerdClient({ address: nodes.now.containerd.address, namespace: 'k8s.io', log: silentLogger });
}

type Traces = Pick<Leftovers, 'shims' | 'tasks' | 'processes' | 'runtimeStates'>;

const countOf = (traces: Traces): number => Object.values(traces).flat().length;

/** What is left once what was told to end has had its time for that. */
async function settledTraces(): Promise<Traces> {
  for (const deadline = Date.now() + 20 * SECOND; ; await sleep(20)) {
    const { shims, tasks, processes, runtimeStates } = nodes.now.traces();
    const traces = { shims, tasks, processes, runtimeStates };
    if (countOf(traces) === 0 || Date.now() > deadline) return traces;
  }
}

describe.each((['1.6', '2'] as const).filter(isAtHand))('a creation in containerd %s whose caller dies', (version) => {
  it(
    'is cleared whenever that happens: no shim, no process, nothing that the OCI runtime knows',
    async () => {
      const node = await nodes.start({ version });
      const pod = await runPod(node);
      await node.crisp.kill();
      const containerd = client();
      const warnings: unknown[] = [];
      // What it kills it says; anything else is a failure.
      const warn: Logger['warn'] = (...said) => void (/^killed /.test(said[0]) || warnings.push(said));
      const log: Logger = { ...silentLogger, warn };
      const isDirectory = async (path: string): Promise<boolean> => existsSync(path);
      const host = { deleteRuntimeContainer, isDirectory, killMakers, killStrays } as unknown as Host;
      const { state } = node.containerd;
      const paths = new Paths({
        criRoot: '',
        criState: join(state, 'io.containerd.grpc.v1.cri'),
        netns: '',
        state: '',
        namespace: 'k8s.io',
      });
      const deps = { containerd, host, paths, log };
      const [record] = await containerd.containers.list([`id==${pod.id}`]);
      const snapshotter = record?.snapshotter ?? '';
      const handler = { runtimePath: '', optionsTable: {}, hostProcesses: true } as unknown as RuntimeHandler;
      await killAndDelete(deps, pod.id, AbortSignal.timeout(10 * SECOND));
      let left = {};
      for (let cut = 0; cut < CREATION_MS; cut += STEP_MS) {
        const rootfs = await containerd.snapshots.mounts({ snapshotter, key: pod.id });
        const doomed = client();
        const made = doomed.tasks.create({ containerId: pod.id, rootfs }).catch(() => undefined);
        await sleep(cut);
        doomed.close();
        await made;
        await sleep(PAUSES_MS[(cut / STEP_MS) % PAUSES_MS.length] ?? 0);
        await clearHalfMadeTask(deps, { id: pod.id, snapshotter, handler });
        const traces = await settledTraces();
        left = { ...left, ...(countOf(traces) > 0 ? { [cut]: traces } : {}) };
      }
      containerd.close();
      expect({ left, warnings }).toEqual({ left: {}, warnings: [] });
      await node.crisp.start();
      await removePod(node, pod);
    },
    120 * SECOND,
  );
});
