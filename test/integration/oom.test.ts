import { existsSync, writeFileSync } from 'node:fs';
import { isAtHand } from '../support/daemon/containerd';
import { until } from '../support/daemon/process';
import { startNode, type TestNode } from '../support/node/node';
import {
  exitOf,
  nothingLeft,
  type Pod,
  pidOf,
  removePod,
  runContainer,
  runPod,
  shell,
  statusOf,
} from '../support/node/pods';

const SECOND = 1000;
const VERSIONS = (['1.6', '2'] as const).filter(isAtHand);
const LIMITED = { linux: { resources: { memoryLimitInBytes: BigInt(24 << 20) } } };

let node: TestNode;
afterEach(() => node.stop(), 60 * SECOND);

const limited = (pod: Pod, name: string, script: string): Promise<string> =>
  runContainer(node, pod, shell(name, script, LIMITED));

describe.each(VERSIONS)('on containerd %s', (version) => {
  it(
    'a container is OOMKilled whichever of its processes was killed for memory, whatever its code, and no sibling is',
    async () => {
      node = await startNode({ version });
      const pod = await runPod(node);
      const ids = [
        await limited(pod, 'itself', 'exec tail /dev/zero'),
        await limited(pod, 'child-then-3', 'tail /dev/zero; exit 3'),
        await limited(pod, 'child-then-0', 'tail /dev/zero; exit 0'),
        await limited(pod, 'killed', 'sleep 1000'),
        await limited(pod, 'failed', 'exit 3'),
        await limited(pod, 'well', 'true'),
      ];
      await node.cri.runtime.stopContainer({ containerId: ids[3] ?? '', timeout: 0n });
      const told = await Promise.all(ids.map((id) => exitOf(node, id, 60 * SECOND)));
      expect(told.map(({ exitCode, reason }) => [exitCode, reason])).toEqual([
        [137, 'OOMKilled'],
        [3, 'OOMKilled'],
        [0, 'OOMKilled'],
        [137, 'Error'],
        [3, 'Error'],
        [0, 'Completed'],
      ]);
      await removePod(node, pod);
      await nothingLeft(node);
    },
    150 * SECOND,
  );

  it(
    'a container that is killed for memory while crisp is away is OOMKilled when crisp is there again',
    async () => {
      node = await startNode({ version });
      const pod = await runPod(node);
      const id = await limited(pod, 'late', 'until [ -e /go ]; do sleep 0.1; done; exec tail /dev/zero');
      const well = await limited(pod, 'well', 'sleep 1000');
      const pid = await pidOf(node, id);
      await node.crisp.kill();
      writeFileSync(`/proc/${pid}/root/go`, '');
      await until('the kernel has killed it', 60 * SECOND, async () => !existsSync(`/proc/${pid}/exe`));
      await node.crisp.start();
      const { exitCode, reason } = await exitOf(node, id, 60 * SECOND);
      expect({ exitCode, reason }).toEqual({ exitCode: 137, reason: 'OOMKilled' });
      expect((await statusOf(node, well)).reason).toBe('');
      await removePod(node, pod);
      await nothingLeft(node);
    },
    150 * SECOND,
  );
});
