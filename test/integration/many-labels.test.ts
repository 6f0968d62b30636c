import { Code } from '../../src/rpc/code';
import { MAX_RECORD_LABELS } from '../../src/state/labels';
import { isAtHand } from '../support/daemon/containerd';
import { ANSWERED_WITHIN_MS, longestAnswer } from '../support/node/longest-answer';
import { startNode, type TestNode } from '../support/node/node';
import {
  createContainer,
  failure,
  nothingLeft,
  podConfig,
  podStatusOf,
  removePod,
  runPod,
  serving,
  shell,
  statusOf,
} from '../support/node/pods';

const SECOND = 1000;
const VERSIONS = (['1.6', '2'] as const).filter(isAtHand);

let node: TestNode;

const pairs = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`key-${at.toString(36)}`, 'v']));
const sorted = (map: object | undefined): [string, string][] =>
  Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));

describe.each(VERSIONS.map((version) => ({ version })))('On containerd $version', ({ version }) => {
  beforeAll(async () => {
    node = await startNode({ version });
  }, 120 * SECOND);
  afterAll(async () => {
    await node?.stop();
  }, 60 * SECOND);

  it.each([40_000, 1_000_000])(
    '%i labels are refused, and nobody waits for it',
    async (count) => {
      const config = podConfig(node, { labels: pairs(count) });
      const longest = await longestAnswer(node, async () => {
        const refused = await failure(node.cri.runtime.runPodSandbox({ config, runtimeHandler: '' }));
        expect(refused).toMatchObject({
          code: Code.INVALID_ARGUMENT,
          message: expect.stringContaining('config.labels'),
        });
      });
      expect(longest).toBeLessThan(ANSWERED_WITHIN_MS);
      await nothingLeft(node);
    },
    60 * SECOND,
  );

  it(
    'labels of 64 KiB and odd names are told as they were given, also after a restart; a record has some of them',
    async () => {
      const odd = JSON.parse('{"__proto__":"a","constructor":"b","toString":"c","example.org/app":"web"}');
      const maps = { labels: { ...pairs(8000), ...odd }, annotations: odd };
      const pod = await runPod(node, maps);
      const id = await createContainer(node, pod, shell('app', 'sleep 1000', maps));
      const told = async (): Promise<unknown[]> => {
        const all = [await podStatusOf(node, pod), await statusOf(node, id)];
        return all.flatMap(({ labels, annotations }) => [sorted(labels), sorted(annotations)]);
      };
      const given = [sorted(maps.labels), sorted(odd)];
      expect(await told()).toEqual([...given, ...given]);
      const record = JSON.parse(node.containerd.ctr('containers', 'info', pod.id));
      expect(Object.keys(record.Labels)).toHaveLength(MAX_RECORD_LABELS.count + 1);
      expect(record.Labels['io.cri-containerd.kind']).toBe('sandbox');
      await node.crisp.kill();
      await node.crisp.start();
      await serving(node);
      expect(await told()).toEqual([...given, ...given]);
      await removePod(node, pod);
      await nothingLeft(node);
    },
    120 * SECOND,
  );
});
