import { readFileSync } from 'node:fs';
import { ContainerState, PodSandboxState } from '../../generated/cri/v1/api';
import { sleep } from '../../src/base/wait/backoff';
import { isAtHand } from '../support/daemon/containerd';
import { exec, podStatusOf, removePod, runContainer, runPod, serving, shell, statusOf } from '../support/node/pods';
import { useNode } from '../support/node/use-node';

const SECOND = 1000;
/** An exec takes about this long, on a machine with nothing else to do. */
const EXEC_MS = 60;
const STEP_MS = 5;

const nodes = useNode();

describe.each((['1.6', '2'] as const).filter(isAtHand))(
  'crisp on containerd %s that dies during an exec',
  (version) => {
    it(
      'finds pod and container running again, whenever that happens',
      async () => {
        const node = await nodes.start({ version });
        const pod = await runPod(node);
        const containerId = await runContainer(node, pod, shell('main', 'sleep 100000'));
        for (let gap = 0; gap < EXEC_MS; gap += STEP_MS) {
          const executing = exec(node, containerId, 'true').catch(() => undefined);
          await sleep(gap);
          await node.crisp.kill();
          await executing;
          await node.crisp.start();
          await serving(node);
          const [sandbox, container] = [await podStatusOf(node, pod), await statusOf(node, containerId)];
          expect([gap, sandbox.state, container.state]).toEqual([
            gap,
            PodSandboxState.SANDBOX_READY,
            ContainerState.CONTAINER_RUNNING,
          ]);
          expect((await exec(node, containerId, 'true')).exitCode).toBe(0);
        }
        expect(readFileSync(node.crisp.daemon.logFile, 'utf8')).not.toContain('does not answer');
        await removePod(node, pod);
      },
      120 * SECOND,
    );
  },
);
