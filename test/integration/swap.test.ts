import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { isAtHand } from '../support/daemon/containerd';
import { until } from '../support/daemon/process';
import { talkTo } from '../support/node/attach';
import { NGINX } from '../support/node/node';
import {
  ensurePulled,
  exec,
  exitOf,
  logLines,
  logOf,
  nothingLeft,
  removePod,
  shell,
  statusOf,
} from '../support/node/pods';
import { HTTPD, SwapNode } from '../support/node/swap-node';
import {
  addContainer,
  addPod,
  alone,
  type Cast,
  COUNT,
  containerOf,
  ends,
  numbersIn,
  podOf,
  startCast,
  toldOf,
} from '../support/node/swap-pods';
import { type Meant, unmeant } from '../support/record/view';

const SECOND = 1000;

/** What crisp tells and the plugin does not, or the other way round, on purpose. */
const MEANT: readonly Meant[] = [[/^images\.\S+\.spec: /, 'says which image it is; the plugin says nothing']];

const MEANT_ON: Readonly<Record<'1.6' | '2', readonly Meant[]>> = {
  '1.6': [
    ...MEANT,
    [/^containers\.\S+\.(user|stopSignal): /, 'newer than 1.6'],
    [/^container(s|List)\.\S+\.imageId: /, 'newer than 1.6'],
    [/^images\.\S+\.pinned: /, 'newer than 1.6'],
  ],
  '2': [...MEANT, [/^pods\.\S+\.linux\.namespaces\.options: /, 'the defaults, said aloud, as 1.6 does']],
};

/** That container has ended between one look and the next. */
const ended = (key: string): Meant => [
  new RegExp(`^container(s|List)\\.${key}\\.(state|finishedAt|exitCode|reason): `),
  'it ended meanwhile',
];

let node: SwapNode;
let cast: Cast;
afterEach(() => node.stop(), 60 * SECOND);

describe.each((['1.6', '2'] as const).filter(isAtHand))('pods on containerd %s', (version) => {
  it(
    'go from its own plugin to crisp, back, and to crisp again, and are all they were',
    async () => {
      node = await SwapNode.start(version);
      cast = await startCast(node, { imageVolumes: version === '2' });
      const fromPlugin = await toldOf(node, cast);
      await node.toCrisp({
        away: () => endFromOutside('shared-pid/second'),
        unserved: () => endFromOutside('restarted/main-2'),
      });
      const byCrisp = await toldOf(node, cast);
      const endedMeanwhile = ['shared-pid/second', 'restarted/main-2'].map(ended);
      expect(unmeant(fromPlugin, byCrisp, [...MEANT_ON[version], ...endedMeanwhile])).toEqual([]);
      expect(await codeOf('shared-pid/second')).toBe(awayCode(version, 42));
      expect(await codeOf('restarted/main-2')).toBe(3);
      await useCrisp();

      const fromCrisp = await toldOf(node, cast);
      await node.toPlugin({ unserved: () => endFromOutside('of-crisp/ending') });
      const byPlugin = await toldOf(node, cast);
      expect(unmeant(byPlugin, fromCrisp, [...MEANT_ON[version], ended('of-crisp/ending')])).toEqual([]);
      expect(await codeOf('of-crisp/ending')).toBe(awayCode(version, 6));
      await usePlugin();

      await node.toCrisp();
      await goOn('counting/counter');
      for (const name of [...cast.pods.keys()]) await remove(name);
      await nothingLeft(node);
    },
    300 * SECOND,
  );
});

/** What kubelet may want of crisp with pods that the plugin has made, and of its own beside them. */
async function useCrisp(): Promise<void> {
  const { runtime } = node.cri;
  await goOn('counting/counter');
  expect((await exec(node, containerOf(cast, 'host-network/agent'), 'echo', 'hi')).stdout).toBe('hi\n');
  await talk('terminal/cat');
  await runtime.startContainer({ containerId: containerOf(cast, 'several/waiting') });
  await until(
    'it has printed',
    5 * SECOND,
    async () => logLines(logOf(podOf(cast, 'several'), 'waiting'), 'any').length > 0,
  );
  await runtime.stopContainer({ containerId: containerOf(cast, 'several/main'), timeout: 1n });
  expect(await statusOf(node, containerOf(cast, 'several/main'))).toMatchObject({ exitCode: 137, reason: 'Error' });
  await removeContainer('restarted/main-0');
  for (const name of ['server', 'volumes', 'stopped', 'host-network']) await remove(name);

  await removeImage(NGINX);
  await ensurePulled(node, HTTPD);
  await addContainer(node, cast, 'several/late', alone('late', 'sleep 1000'));
  await addPod(node, cast, 'of-crisp', { labels: { app: 'of-crisp' } });
  await addContainer(node, cast, 'of-crisp/counter', shell('counter', COUNT));
  await addContainer(node, cast, 'of-crisp/waiting', alone('waiting', 'echo started; sleep 1000'), 'created');
  await addContainer(node, cast, 'of-crisp/ended', alone('ended', 'exit 5'), 'ended');
  await addContainer(node, cast, 'of-crisp/cat', alone('cat', 'stty -echo; exec cat', { tty: true, stdin: true }));
  await addContainer(node, cast, 'of-crisp/ending', alone('ending', ends(6)));
  await addContainer(node, cast, 'of-crisp/more', alone('more', ends(9)));
  await addPod(node, cast, 'stopped-by-crisp');
  await node.cri.runtime.stopPodSandbox({ podSandboxId: podOf(cast, 'stopped-by-crisp').id });
}

/** The same of the plugin, with pods that crisp has made. */
async function usePlugin(): Promise<void> {
  const { runtime } = node.cri;
  await goOn('counting/counter');
  await goOn('of-crisp/counter');
  expect((await exec(node, containerOf(cast, 'several/late'), 'echo', 'hi')).stdout).toBe('hi\n');
  await talk('of-crisp/cat');
  await talk('terminal/cat');
  await runtime.startContainer({ containerId: containerOf(cast, 'of-crisp/waiting') });
  await until(
    'it has printed',
    5 * SECOND,
    async () => logLines(logOf(podOf(cast, 'of-crisp'), 'waiting'), 'any').length > 0,
  );
  await exec(node, containerOf(cast, 'of-crisp/more'), 'touch', '/stop');
  expect(await exitOf(node, containerOf(cast, 'of-crisp/more'))).toMatchObject({ exitCode: 9 });
  await runtime.stopContainer({ containerId: containerOf(cast, 'several/late'), timeout: 0n });
  for (const name of ['stopped-by-crisp', 'of-crisp', 'several']) await remove(name);
  await addPod(node, cast, 'late');
  await addContainer(node, cast, 'late/httpd', shell('httpd', 'sleep 1000', { image: { image: HTTPD } }));
  await removeContainer('late/httpd');
  await removeImage(HTTPD);
}

/** containerd 2 forgets a task that ends while it is away: nobody can tell its code then. */
const awayCode = (version: '1.6' | '2', code: number): number => (version === '2' ? 255 : code);

async function codeOf(key: string): Promise<number> {
  return (await exitOf(node, containerOf(cast, key))).exitCode;
}

/** Waits until a container that counts has printed more, and looks that every number is in its log, once and in order. */
async function goOn(key: string): Promise<void> {
  const [pod = '', name = ''] = key.split('/');
  const numbers = (): number[] => numbersIn(podOf(cast, pod), name);
  const before = numbers().length;
  await until('its log goes on', 20 * SECOND, async () => numbers().length > before + 50);
  const now = numbers();
  expect(now).toEqual(now.map((_, at) => at + 1));
}

/** Attaches to a terminal that says what it is told. */
async function talk(key: string): Promise<void> {
  const word = `hello-${Date.now()}`;
  await talkTo(node, containerOf(cast, key), word);
  const [pod = '', name = ''] = key.split('/');
  const log = logOf(podOf(cast, pod), name);
  await until('it is in the log', 20 * SECOND, async () => readFileSync(log, 'utf8').includes(word));
}

/** Ends a container that waits for a file, while nobody is there to see it. */
async function endFromOutside(key: string): Promise<void> {
  const status = join(node.containerd.root, 'io.containerd.grpc.v1.cri/containers', containerOf(cast, key), 'status');
  const { Pid: pid } = JSON.parse(readFileSync(status, 'utf8')) as { Pid: number };
  writeFileSync(`/proc/${pid}/root/stop`, '');
  await until(`${key} has ended`, 20 * SECOND, async () => !existsSync(`/proc/${pid}/root/stop`));
}

async function removeContainer(key: string): Promise<void> {
  await node.cri.runtime.removeContainer({ containerId: containerOf(cast, key) });
  cast.containers.delete(key);
}

/** Stops and removes a pod with all that is in it. */
async function remove(name: string): Promise<void> {
  await removePod(node, podOf(cast, name));
  cast.pods.delete(name);
  for (const key of [...cast.containers.keys()]) if (key.startsWith(`${name}/`)) cast.containers.delete(key);
}

async function removeImage(image: string): Promise<void> {
  const spec = { image, annotations: {}, userSpecifiedImage: '', runtimeHandler: '', imageRef: '' };
  await node.cri.images.removeImage({ image: spec });
  expect((await node.cri.images.imageStatus({ image: spec, verbose: false })).image).toBeUndefined();
  expect(node.containerd.ctr('images', 'list', '--quiet')).not.toContain(image);
}
