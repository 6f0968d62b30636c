import { readFileSync } from 'node:fs';

import { CriClient } from '../../src/client/cri-client';
import { Code } from '../../src/rpc/code';
import { isAtHand } from '../support/daemon/containerd';
import { until } from '../support/daemon/process';
import { BUSYBOX } from '../support/node/node';
import {
  exec,
  exitOf,
  logLines,
  logOf,
  nothingLeft,
  removePod,
  runContainer,
  runPod,
  shell,
} from '../support/node/pods';
import { SwapNode } from '../support/node/swap-node';

const SECOND = 1000;
const COUNT = 'i=0; while [ ! -e /enough ]; do echo $i; i=$((i+1)); usleep 20000; done';

let node: SwapNode;
afterEach(() => node.stop(), 60 * SECOND);

describe.each((['1.6', '2'] as const).filter(isAtHand))(
  'containerd %s that comes back with its own CRI on',
  (version) => {
    it(
      'has its pods to itself, until it comes back without: then the same crisp goes on with them',
      async () => {
        node = await SwapNode.start(version);
        await node.toCrisp();
        const pod = await runPod(node);
        const id = await runContainer(node, pod, shell('counts', COUNT, { image: { image: BUSYBOX } }));
        const { pid, logFile } = node.crisp.daemon;
        const log = (): string => readFileSync(logFile, 'utf8');
        const crisp = new CriClient(node.crisp.socket);
        const list = () => crisp.runtime.listPodSandbox({ filter: undefined }, { timeoutMs: 2000 });

        await node.pluginOn();
        await until('crisp has given up', 20 * SECOND, async () => log().includes('starting over'));
        await until('it says why', 20 * SECOND, () =>
          list().then(
            () => false,
            ({ code, message }) => code === Code.UNAVAILABLE && String(message).includes('disabled_plugins'),
          ),
        );
        await until(
          'nothing but the plugin reads output',
          20 * SECOND,
          async () => node.crisp.stdioPid() === undefined,
        );
        const { containers } = await node.cri.runtime.listContainers({ filter: undefined });
        expect(containers.map((container) => container.id)).toEqual([id]);
        const lines = (): string[] => logLines(logOf(pod, 'counts'), 'any').map(({ text }) => text);
        const before = lines().length;
        await until('the plugin writes its log', 20 * SECOND, async () => lines().length > before + 50);
        expect(node.crisp.stdioPid()).toBeUndefined();

        await node.backToCrisp();
        expect(node.crisp.daemon.pid).toBe(pid);
        await until('crisp serves', 20 * SECOND, () =>
          list().then(
            () => true,
            () => false,
          ),
        );
        const between = lines().length;
        await until('crisp writes its log', 20 * SECOND, async () => lines().length > between + 50);
        await exec(node, id, 'touch', '/enough');
        await exitOf(node, id);
        const all = lines();
        const since = all.slice(before).map(Number);
        const [first = 0, last = 0] = [since[0], since.at(-1)];
        const missing = Array.from({ length: last - first + 1 }, (_, at) => first + at).filter(
          (n) => !since.includes(n),
        );
        // The plugin may be ended while it writes a line; that one is torn or gone, and none of crisp's is.
        expect(missing.length).toBeLessThanOrEqual(1);
        const own = all.slice(between).map(Number);
        expect(own).toEqual(own.map((_, at) => (own[0] ?? 0) + at));
        expect(log().match(/containerd came back/g)).toHaveLength(1);
        crisp.close();
        await removePod(node, pod);
        await nothingLeft(node);
        await node.crisp.stop();
        expect(await node.crisp.daemon.ended).toBe(0);
        await node.startCrisp();
      },
      120 * SECOND,
    );
  },
);
