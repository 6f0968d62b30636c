import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../../src/base/logger';
import { sleep } from '../../src/base/wait/backoff';
import { ContainerdClient } from '../../src/containerd/client';
import { isBundleThere, isKnownToRuntime, isRunning, isShimGone } from '../../src/containerd/errors';
import { killAndDelete } from '../../src/tasks/kill-and-delete';
import { isAtHand } from '../support/daemon/containerd';
import { removePod, runPod } from '../support/node/pods';
import { useNode } from '../support/node/use-node';

const SECOND = 1000;
const NAMESPACE = 'k8s.io';

const nodes = useNode();

const thrownBy = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  );

/** Of the process's parent, which for a task is its shim. */
function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Which of these directories is made while `act` runs, and how `act` fails then. */
async function withDirectory(path: string, act: () => Promise<unknown>): Promise<unknown> {
  mkdirSync(path, { recursive: true });
  try {
    return await thrownBy(act());
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

describe.each((['1.6', '2'] as const).filter(isAtHand))('errors that containerd %s has no code for', (version) => {
  it(
    'are recognized by what it says',
    async () => {
      const node = await nodes.start({ version });
      const pod = await runPod(node);
      await node.crisp.kill();
      const { address, state } = node.containerd;
      const containerd = new ContainerdClient({ address, namespace: NAMESPACE, log: silentLogger });
      const { tasks, snapshots } = containerd;
      const [record] = await containerd.containers.list([`id==${pod.id}`]);
      const snapshotter = record?.snapshotter ?? '';
      const create = async () => {
        const rootfs = await snapshots.mounts({ snapshotter, key: pod.id });
        return tasks.create({ containerId: pod.id, rootfs });
      };
      const end = () => killAndDelete({ containerd }, pod.id, AbortSignal.timeout(20 * SECOND));

      const execId = 'pause-again';
      const args = { args: ['/pause'], cwd: '/', env: [], user: { uid: 0, gid: 0 } };
      const spec = { typeUrl: 'types.containerd.io/opencontainers/runtime-spec/1/Process', value: toJson(args) };
      await tasks.exec({ containerId: pod.id, execId, spec });
      await tasks.start({ containerId: pod.id, execId });
      const running = await thrownBy(tasks.deleteProcess({ containerId: pod.id, execId }));

      await end();
      const runtime = await withDirectory(join('/run/containerd/runc', NAMESPACE, pod.id), create);
      await end();
      const bundles = join(state, 'io.containerd.runtime.v2.task', NAMESPACE);
      const bundle = await withDirectory(join(bundles, pod.id), create);

      const { pid } = await create();
      const shim = parentOf(pid);
      process.kill(shim, 'SIGSTOP'); // so that it does not answer
      const killed = thrownBy(tasks.kill({ containerId: pod.id, signal: 9, all: true }));
      await sleep(SECOND); // the daemon has asked it by now; if it has not, it finds the same
      process.kill(shim, 'SIGKILL');
      const gone = await killed;
      process.kill(pid, 'SIGKILL');
      containerd.close();

      const found = {
        running: isRunning(running) || running,
        runtime: isKnownToRuntime(runtime) || runtime,
        bundle: isBundleThere(bundle) || bundle,
        gone: isShimGone(gone) || gone,
      };
      expect(found).toEqual({ running: true, runtime: true, bundle: true, gone: true });
      await node.crisp.start();
      await removePod(node, pod);
    },
    120 * SECOND,
  );
});

function toJson(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
