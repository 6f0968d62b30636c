import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Load, Loaded } from '../support/load/clients';
import { BUSYBOX, PAUSE, startNode, type TestNode } from '../support/node/node';
import { ensurePulled, nothingLeft, type Pod, removePod, runContainer, runPod, shell } from '../support/node/pods';

const SECOND = 1000;
const CLIENTS = 200;
const PODS = 4;

let node: TestNode;
const pods: Pod[] = [];
const containerIds: string[] = [];

beforeAll(async () => {
  node = await startNode({ settings: { sandbox_image: PAUSE } });
  await ensurePulled(node, BUSYBOX);
  for (let i = 0; i < PODS; i++) {
    const pod = await runPod(node);
    pods.push(pod);
    containerIds.push(await runContainer(node, pod, shell('web', 'trap "exit 0" TERM; sleep 100000 & wait')));
  }
}, 120 * SECOND);

afterAll(async () => {
  await node.stop();
}, 120 * SECOND);

describe(`${CLIENTS} busy clients, each with a connection of its own`, () => {
  it(
    'make lists, ask, exec and pull, and no call of theirs fails',
    async () => {
      const podIds = pods.map(({ id }) => id);
      const load: Load = {
        socket: node.crisp.socket,
        clients: CLIENTS,
        seconds: 5,
        podIds,
        containerIds,
        image: BUSYBOX,
      };
      const argv = ['-n', '10', process.execPath, 'test/support/run-typescript.mjs', 'test/support/load/clients.ts'];
      const { stdout } = await promisify(execFile)('nice', [...argv, JSON.stringify(load)], { maxBuffer: 1 << 24 });
      const { calls, failed } = JSON.parse(stdout) as Loaded;
      expect(failed).toEqual([]);
      const made = Object.values(calls).reduce((sum, count) => sum + count, 0);
      expect(made).toBeGreaterThanOrEqual(CLIENTS);
      expect(Object.keys(calls)).toEqual(expect.arrayContaining(['ListPodSandbox', 'ListContainers', 'ExecSync']));
    },
    180 * SECOND,
  );

  it('leave nothing behind', async () => {
    for (const pod of pods) await removePod(node, pod);
    await nothingLeft(node);
  });
});
