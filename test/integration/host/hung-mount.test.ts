import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { ContainerState } from '../../../generated/cri/v1/api';
import { mountAll, unmount } from '../../../src/host/mount/mounts';
import { until } from '../../support/daemon/process';
import { type FuseMount, mountFuse } from '../../support/fuse/fuse-mount';
import { otherCalls } from '../../support/node/other-calls';
import { createContainer, type Pod, removePod, runContainer, runPod, shell, statusOf } from '../../support/node/pods';
import { useNode } from '../../support/node/use-node';

const SECOND = 1000;
const HOLD_UP_MS = 5 * SECOND;
/** What a call may take on a slow machine (a tenth of a second is usual); one that waits for the mount takes five seconds. */
const LONGEST_MS = 4 * SECOND;

const tidy: (() => Promise<unknown>)[] = [];
// Before the node's own, which finds nothing left.
afterEach(async () => {
  for (const act of tidy.splice(0).reverse()) await act();
});
const nodes = useNode();

/** A directory on an overlay, one layer of which a process serves that can be stopped. */
async function volume(): Promise<{ fuse: FuseMount; path: string }> {
  const [lower, other, path] = ['lower', 'other', 'volume'].map((name) => join(nodes.now.dir, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [lower, other, path]) mkdirSync(each);
  const fuse = await mountFuse(lower);
  tidy.push(() => fuse.end());
  const options = [`lowerdir=${lower}:${other}`];
  await mountAll([{ type: 'overlay', source: 'overlay', target: '', options }], path, { readonly: true });
  tidy.push(() => unmount(path, { lazy: true }));
  return { fuse, path };
}

/** Covers that directory of a pod's in which `name` is. */
async function cover(pod: Pod, name: string): Promise<FuseMount> {
  const dirs = nodes.now.crisp.recordDirs.map((each) => join(each, pod.id));
  const dir = dirs.find((each) => existsSync(join(each, name)));
  if (dir === undefined) throw new Error(`pod ${pod.id} has no ${name}`);
  const fuse = await mountFuse(dir);
  tidy.push(() => fuse.end());
  return fuse;
}

it(
  'A mount that does not answer for five seconds keeps nobody waiting but the calls that need it',
  async () => {
    const node = await nodes.start({});
    const quiet = await runPod(node);
    const containerId = await runContainer(node, quiet, shell('quiet', 'sleep 1000'));
    const [mounting, ending] = [await runPod(node), await runPod(node)];
    const { fuse, path } = await volume();
    const covering = await cover(ending, 'shm');
    await fuse.stop();
    await covering.stop();
    const mounts = [{ hostPath: join(path, 'file'), containerPath: '/file' }];
    const needing = [
      createContainer(node, mounting, shell('mounting', 'cat /file', { mounts })),
      node.cri.runtime.stopPodSandbox({ podSandboxId: ending.id }),
    ];
    const answered = jest.fn();
    for (const each of needing) each.then(answered, answered);
    const heldUp = pause(HOLD_UP_MS).then(async () => {
      expect(answered).not.toHaveBeenCalled();
      await fuse.go();
      await covering.go();
    });
    const longest = await otherCalls(nodes.now, containerId, heldUp);
    await heldUp;
    expect(Object.entries(longest).filter(([, ms]) => ms > LONGEST_MS)).toEqual([]);
    const [created] = (await Promise.all(needing)) as [string, unknown];
    expect((await statusOf(node, created)).state).toBe(ContainerState.CONTAINER_CREATED);
    for (const pod of [quiet, mounting, ending]) await removePod(node, pod);
  },
  120 * SECOND,
);

it(
  'A pod goes though dead filesystems lie on its directories, and files are at hand as before',
  async () => {
    const node = await nodes.start({});
    // More than Node has threads for files.
    const pods = [await runPod(node), await runPod(node), await runPod(node), await runPod(node), await runPod(node)];
    for (const pod of pods) await node.cri.runtime.stopPodSandbox({ podSandboxId: pod.id });
    for (const pod of pods) await (await cover(pod, 'hosts')).stop();
    await Promise.all(pods.map(({ id }) => node.cri.runtime.removePodSandbox({ podSandboxId: id })));
    await removePod(node, await runPod(node));
    await until('every pod is gone', 20 * SECOND, async () => {
      return (await node.cri.runtime.listPodSandbox({ filter: undefined })).items.length === 0;
    });
  },
  120 * SECOND,
);
