import { appendFileSync, cpSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { ContainerState } from '../../generated/cri/v1/api';
import { until } from '../support/daemon/process';
import { type FuseMount, mountFuse } from '../support/fuse/fuse-mount';
import { talkTo } from '../support/node/attach';
import { otherCalls } from '../support/node/other-calls';
import {
  exec,
  exitOf,
  logLines,
  logOf,
  type Pod,
  podConfig,
  removePod,
  runContainer,
  runPod,
  serving,
  shell,
} from '../support/node/pods';
import { useNode } from '../support/node/use-node';

const SECOND = 1000;
const HOLD_UP_MS = 6 * SECOND;
/** The longest pause between two lines of a log that is not concerned: a fiftieth of a second is usual. */
const LONGEST_MS = 3 * SECOND;
/** The same while crisp-stdio is started anew. */
const RESTART_MS = 5 * SECOND;
const COUNT = 'i=0; while [ ! -e /enough ]; do echo $i; i=$((i+1)); usleep 20000; done; echo end';

const tidy: (() => Promise<unknown>)[] = [];
// Before the node's own, which finds nothing left.
afterEach(async () => {
  for (const act of tidy.splice(0).reverse()) await act();
});
const nodes = useNode();

/** A pod whose log directory is, or by a link leads to, a filesystem that can be stopped, and a container that counts there. */
interface Hung {
  readonly pod: Pod;
  readonly id: string;
  readonly fuse: FuseMount;
}

/** A filesystem that can be stopped, and the configuration of a pod whose logs lie on it. */
async function disk(linked = false): Promise<{ fuse: FuseMount; logDirectory: string }> {
  const { logDirectory } = podConfig(nodes.now);
  const at = linked ? `${logDirectory}-disk` : logDirectory;
  mkdirSync(at, { recursive: true });
  if (linked) symlinkSync(`${at}/pod`, logDirectory);
  const fuse = await mountFuse(at, 'writable');
  if (linked) mkdirSync(`${at}/pod`);
  tidy.push(() => fuse.end());
  return { fuse, logDirectory };
}

async function hungPod(linked = false): Promise<Hung> {
  const { fuse, logDirectory } = await disk(linked);
  const pod = await runPod(nodes.now, { logDirectory });
  const id = await runContainer(nodes.now, pod, shell('counts', COUNT));
  await until('it counts', 20 * SECOND, async () => lines(pod).length > 20);
  return { pod, id, fuse };
}

async function quietPod(): Promise<{ pod: Pod; id: string }> {
  const pod = await runPod(nodes.now);
  const id = await runContainer(nodes.now, pod, shell('counts', COUNT));
  await until('it counts', 20 * SECOND, async () => lines(pod).length > 20);
  return { pod, id };
}

const lines = (pod: Pod): string[] => logLines(logOf(pod, 'counts')).map(({ text }) => text);

/** What was printed from the beginning to the end, with nothing missing, nothing twice and nothing out of order. */
function expectWhole(texts: readonly string[]): void {
  expect(texts).toEqual([...texts.slice(0, -1).map((_, at) => String(at)), 'end']);
}

/** The longest pause between two lines of a pod's log, and from the last one until now, in milliseconds. */
function longestPause(pod: Pod): number {
  const times = [...logLines(logOf(pod, 'counts')).map(({ time }) => Date.parse(time)), Date.now()];
  return Math.max(...times.slice(1).map((time, at) => time - (times[at] ?? time)));
}

/** Ends the counting; fails when a line is missing, comes twice or is out of order. */
async function counted(...pods: readonly { readonly pod: Pod; readonly id: string }[]): Promise<void> {
  const node = nodes.now;
  for (const { pod, id } of pods) {
    await exec(node, id, 'touch', '/enough');
    await exitOf(node, id, 30 * SECOND);
    expectWhole(lines(pod));
  }
  for (const { pod } of pods) await removePod(node, pod);
}

it.each([
  ['is the first one in use', false, true],
  ['is in use after others', false, false],
  ['is led to by a symbolic link', true, false],
])(
  'A log disk that does not answer holds up no other log, nor any call, when it %s',
  async (_name, linked, first) => {
    const node = await nodes.start({});
    const early = first ? await hungPod(linked) : undefined;
    const quiet = await quietPod();
    const hung = early ?? (await hungPod(linked));
    await hung.fuse.stop();
    const longest = await otherCalls(nodes.now, quiet.id, pause(HOLD_UP_MS));
    const other = await runPod(node);
    const tty = await runContainer(node, other, shell('tty', 'cat', { tty: true, stdin: true }));
    await talkTo(node, tty, 'hello');
    await until('a new log is written', 10 * SECOND, async () => logLines(logOf(other, 'tty')).length > 0);
    expect(longestPause(quiet.pod)).toBeLessThan(LONGEST_MS);
    expect(Object.entries(longest).filter(([, ms]) => ms > LONGEST_MS)).toEqual([]);
    await hung.fuse.go();
    expect(longestPause(hung.pod)).toBeGreaterThan(HOLD_UP_MS);
    await counted(quiet, hung);
    await removePod(node, other);
  },
  180 * SECOND,
);

it.each(['is killed', 'is replaced by that of another build'])(
  'While a log disk does not answer, crisp-stdio %s, and the next one serves all other logs at once',
  async (how) => {
    const node = await nodes.start({});
    const hung = await hungPod();
    const quiet = await quietPod();
    await hung.fuse.stop();
    await pause(SECOND);
    const before = node.crisp.stdioPid();
    if (how === 'is killed') {
      await node.crisp.endStdio('SIGKILL');
    } else {
      await node.crisp.stop();
      await node.crisp.start(anotherBuild());
      await serving(node);
    }
    await until('another one serves', 20 * SECOND, async () => ![undefined, before].includes(node.crisp.stdioPid()));
    await pause(HOLD_UP_MS);
    expect(longestPause(quiet.pod)).toBeLessThan(RESTART_MS);
    await talkAndExit();
    // Once more: now there are two that the disk holds up.
    await node.crisp.endStdio('SIGKILL');
    await pause(HOLD_UP_MS);
    expect(longestPause(quiet.pod)).toBeLessThan(RESTART_MS);
    await hung.fuse.go();
    await counted(quiet, hung);
  },
  240 * SECOND,
);

/** A container that comes and goes now is served as ever. */
async function talkAndExit(): Promise<void> {
  const node = nodes.now;
  const pod = await runPod(node);
  const id = await runContainer(node, pod, shell('short', 'read line', { tty: true, stdin: true }));
  await talkTo(node, id, 'bye');
  expect((await exitOf(node, id)).exitCode).toBe(0);
  expect(logLines(logOf(pod, 'short')).map(({ text }) => text)).toEqual(['bye']);
  await removePod(node, pod);
}

/** A copy of the bundles of which crisp-stdio counts as another build. */
function anotherBuild(): string {
  const other = join(nodes.now.dir, 'other-build');
  cpSync(join(__dirname, '../../dist'), other, { recursive: true });
  symlinkSync(join(__dirname, '../../node_modules'), join(other, 'node_modules')); // koffi is beside the bundle
  appendFileSync(join(other, 'crisp-stdio.js'), '\n// another build\n');
  return join(other, 'crisp.js');
}

it(
  'A pod whose log disk does not answer can be stopped and removed, and what it printed is in its log later',
  async () => {
    const node = await nodes.start({});
    const [ending, going] = [await hungPod(), await hungPod()];
    const quiet = await quietPod();
    for (const { fuse } of [ending, going]) await fuse.stop();
    await exec(node, ending.id, 'touch', '/enough');
    const ended = await exitOf(node, ending.id, 20 * SECOND);
    expect(ended).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 0 });
    await node.cri.runtime.stopPodSandbox({ podSandboxId: going.pod.id });
    await node.cri.runtime.removePodSandbox({ podSandboxId: going.pod.id });
    expect(longestPause(quiet.pod)).toBeLessThan(LONGEST_MS);
    for (const { fuse } of [ending, going]) await fuse.go();
    await until('the rest is in the log', 20 * SECOND, async () => lines(ending.pod).at(-1) === 'end');
    expectWhole(lines(ending.pod));
    await removePod(node, ending.pod);
    await counted(quiet);
  },
  180 * SECOND,
);

it(
  'A log that is reopened on another disk goes on there, whole and in order, and holds up no other when that is stopped',
  async () => {
    const node = await nodes.start({});
    const [moving, quiet] = [await quietPod(), await quietPod()];
    const path = logOf(moving.pod, 'counts');
    const old = join(nodes.now.dir, 'old');
    renameSync(dirname(path), old);
    mkdirSync(dirname(path));
    const fuse = await mountFuse(dirname(path), 'writable');
    tidy.push(() => fuse.end());
    await node.cri.runtime.reopenContainerLog({ containerId: moving.id });
    await until('it goes on', 10 * SECOND, async () => lines(moving.pod).length > 20);
    renameSync(path, `${path}.1`);
    await node.cri.runtime.reopenContainerLog({ containerId: moving.id });
    await until('it goes on', 10 * SECOND, async () => lines(moving.pod).length > 20);
    await fuse.stop();
    await pause(HOLD_UP_MS);
    expect(longestPause(quiet.pod)).toBeLessThan(LONGEST_MS);
    await fuse.go();
    await exec(node, moving.id, 'touch', '/enough');
    await exitOf(node, moving.id);
    const files = [join(old, 'counts.log'), `${path}.1`, path];
    expectWhole(files.flatMap((file) => logLines(file)).map(({ text }) => text));
    await removePod(node, moving.pod);
    await counted(quiet);
  },
  180 * SECOND,
);
