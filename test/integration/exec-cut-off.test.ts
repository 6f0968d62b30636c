import { readFileSync } from 'node:fs';
import { ContainerState, PodSandboxState } from '../../generated/cri/v1/api';
import { sleep } from '../../src/base/backoff';
import { isAtHand } from '../support/daemon/containerd';
import { startNode, type TestNode } from '../support/node/node';
import { removePod, runContainer, runPod, shell } from '../support/node/pods';

const SECOND = 1000;
/** An exec takes about this long, on a machine with nothing else to do. */
const EXEC_MS = 60;
const STEP_MS = 5;

let node: TestNode;
afterEach(async () => {
  const left = node.left();
  await node.stop();
  expect(left).toBe('0');
}, 60 * SECOND);

describe.each((['1.6', '2'] as const).filter(isAtHand))(
  'crisp on containerd %s that dies during an exec',
  (version) => {
    it(
      'finds pod and container running again, whenever that happens',
      async () => {
        node = await startNode({ version });
        const pod = await runPod(node);
        const containerId = await runContainer(node, pod, shell('main', 'sleep 100000'));
        for (let gap = 0; gap < EXEC_MS; gap += STEP_MS) {
          const request = { containerId, cmd: ['true'], timeout: 10n };
          const executing = node
            .connect()
            .runtime.execSync(request)
            .catch(() => undefined);
          await sleep(gap);
          await node.crisp.kill();
          await executing;
          await node.crisp.start();
          const { runtime } = node.connect();
          const sandbox = await runtime.podSandboxStatus({ podSandboxId: pod.id, verbose: false });
          const container = await runtime.containerStatus({ containerId, verbose: false });
          expect([gap, sandbox.status?.state, container.status?.state]).toEqual([
            gap,
            PodSandboxState.SANDBOX_READY,
            ContainerState.CONTAINER_RUNNING,
          ]);
          expect((await runtime.execSync(request)).exitCode).toBe(0);
        }
        expect(readFileSync(node.crisp.daemon.logFile, 'utf8')).not.toContain('does not answer');
        await removePod(node, pod);
      },
      120 * SECOND,
    );
  },
);
