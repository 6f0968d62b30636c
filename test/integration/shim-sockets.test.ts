import { existsSync, linkSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { NamespaceMode } from '../../generated/cri/v1/api';
import { newId } from '../../src/base/ids';
import { SHIM_SOCKETS, shimSocketNames } from '../../src/host/process/shim-sockets';
import { isAtHand } from '../support/daemon/containerd';
import { shimOf, shimPids } from '../support/daemon/leftovers';
import { until } from '../support/daemon/process';
import { infraSettings } from '../support/infra';
import { startNode, type TestNode } from '../support/node/node';
import { exitOf, nothingLeft, type Pod, removePod, runContainer, runPod, serving, shell } from '../support/node/pods';

const SECOND = 1000;
/** A sweep looks twice, ten seconds apart. */
const SWEPT_MS = 40 * SECOND;
const own = { linux: { securityContext: { namespaceOptions: { pid: NamespaceMode.CONTAINER } } } };

let node: TestNode;
afterAll(() => node?.stop(), 60 * SECOND);

/** Where the shim of a pod listens. */
function socketOf({ id }: Pod): string {
  const [name = ''] = shimSocketNames({ address: node.containerd.address, namespace: 'k8s.io', group: id });
  return join(SHIM_SOCKETS, name);
}

describe.each((['1.6', '2'] as const).filter(isAtHand))('The socket of a shim on containerd %s', (version) => {
  beforeAll(async () => {
    await node?.stop();
    node = await startNode({ version, settings: infraSettings('auto') });
  }, 90 * SECOND);

  afterEach(() => nothingLeft(node));

  it.each([
    ['without a pause task', own],
    ['with a pause task', {}],
  ])(
    'is where containerd says, and goes with a pod %s',
    async (_pod, config) => {
      const pod = await runPod(node, config);
      const first = await runContainer(node, pod, shell('first', 'exit 3', config));
      await exitOf(node, first);
      const id = await runContainer(node, pod, shell('second', 'sleep 1000', config));
      const bundle = join(node.containerd.state, 'io.containerd.runtime.v2.task/k8s.io', id);
      const file = join(bundle, version === '2' ? 'bootstrap.json' : 'address');
      expect(readFileSync(file, 'utf8')).toContain(socketOf(pod));
      expect(existsSync(socketOf(pod))).toBe(true);
      await removePod(node, pod);
      await until('the socket is gone', 10 * SECOND, async () => !existsSync(socketOf(pod)));
    },
    60 * SECOND,
  );

  it(
    'goes with its pod when the shim was killed',
    async () => {
      const pod = await runPod(node);
      process.kill(shimOf(node.containerd.address, pod.id), 'SIGKILL');
      await until('the shim has ended', 10 * SECOND, async () => shimPids(node.containerd.address).length === 0);
      await removePod(node, pod);
      expect(existsSync(socketOf(pod))).toBe(false);
    },
    60 * SECOND,
  );

  it(
    'is swept at a start when an earlier crisp has left it, and that of a pod that may need it again is not',
    async () => {
      const pod = await runPod(node, own);
      const gone = { ...pod, id: newId() };
      for (const each of [pod, gone]) await leaveDead(socketOf(each));
      await node.crisp.stop();
      await node.crisp.start();
      await serving(node);
      await until('the socket is swept', SWEPT_MS, async () => !existsSync(socketOf(gone)));
      expect(existsSync(socketOf(pod))).toBe(true);
      await runContainer(node, pod, shell('main', 'sleep 1000', own));
      await removePod(node, pod);
      expect(existsSync(socketOf(pod))).toBe(false);
    },
    120 * SECOND,
  );
});

/** Makes a socket at which nobody listens, as a process leaves it that was killed. */
async function leaveDead(path: string): Promise<void> {
  mkdirSync(SHIM_SOCKETS, { recursive: true, mode: 0o700 });
  const own = join(SHIM_SOCKETS, `crisp-test-${process.pid}`);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(own, resolve));
  linkSync(own, path);
  await new Promise((resolve) => server.close(resolve)); // which takes its own name away
}
