import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { ContainerState, ExecSyncRequest } from '../../generated/cri/v1/api';
import { mountAll, unmount } from '../../src/host/mount/mounts';
import { type FuseMount, mountFuse } from '../support/fuse/fuse-mount';
import { type Pod, podConfig, shell } from '../support/node/pods';
import { aWhile } from './call-troubles';
import { CALL_MS, Patience } from './ground';
import type { Trouble, TroubleGround } from './trouble';

/** What is counted. */
export const HUNG_MOUNT_FAULTS = ['calls held up by a hung mount'] as const;

/** Each call that needs nothing of the mount succeeds once within this, while the mount hangs. */
const ANSWERED_MS = 25_000;
const TRY_MS = 5000;

/**
 * A filesystem does not answer that lies below a volume of a pod and on a directory of another, while one is being mounted,
 * the other one unmounted, and crisp is started. Calls that need nothing of it are answered meanwhile.
 */
export const mountHangs: Trouble = async (ground) => {
  const { chaos } = ground;
  const undo: (() => Promise<unknown>)[] = [];
  try {
    const [mounting, ending] = [await begin(ground, undo), await begin(ground, undo)];
    const bystander = await begin(ground, undo);
    const running = await make(ground, bystander, 'sleep 100000');
    const { fuses, path } = await hungMounts(ground, ending, undo);
    for (const fuse of fuses) await fuse.stop();
    const needing = [
      make(ground, mounting, 'cat /file', join(path, 'file')),
      patienceOf(ground).call('StopPodSandbox', (cri) =>
        cri.runtime.stopPodSandbox({ podSandboxId: ending.id }, { timeoutMs: CALL_MS }),
      ),
    ];
    for (const each of needing) each.catch(() => undefined); // they are waited for below
    await chaos.startUnder(
      async () => void (await Promise.all([aWhile(ground), othersAnswered(ground, running)])),
      async () => {
        for (const fuse of fuses) await fuse.go();
      },
    );
    await Promise.all(needing);
  } finally {
    for (const act of undo.reverse()) await act();
  }
};

/** A pod of this trouble's own, which `undo` removes. */
async function begin(ground: TroubleGround, undo: (() => Promise<unknown>)[]): Promise<Pod> {
  const config = podConfig(ground.chaos.node);
  const { podSandboxId: id } = await patienceOf(ground).call('RunPodSandbox', (cri) =>
    cri.runtime.runPodSandbox({ config, runtimeHandler: '' }, { timeoutMs: CALL_MS }),
  );
  undo.push(() =>
    patienceOf(ground).call('the removal of a pod', async (cri) => {
      await cri.runtime.stopPodSandbox({ podSandboxId: id }, { timeoutMs: CALL_MS });
      await cri.runtime.removePodSandbox({ podSandboxId: id }, { timeoutMs: CALL_MS });
    }),
  );
  return { id, config };
}

/** A container, started unless it has a volume; its id. */
async function make(ground: TroubleGround, pod: Pod, script: string, volume?: string): Promise<string> {
  const mounts = volume === undefined ? [] : [{ hostPath: volume, containerPath: '/file' }];
  const request = { podSandboxId: pod.id, config: shell('main', script, { mounts }), sandboxConfig: pod.config };
  const { containerId } = await patienceOf(ground).call('CreateContainer', (cri) =>
    cri.runtime.createContainer(request, { timeoutMs: CALL_MS }),
  );
  if (volume !== undefined) return containerId;
  await patienceOf(ground).call('StartContainer', async (cri) => {
    const { status } = await cri.runtime.containerStatus({ containerId, verbose: false }, { timeoutMs: CALL_MS });
    if (status?.state === ContainerState.CONTAINER_RUNNING) return;
    await cri.runtime.startContainer({ containerId }, { timeoutMs: CALL_MS });
  });
  return containerId;
}

/** A volume with such a filesystem as a layer, and such a filesystem on the directory of a pod that has its `/dev/shm`. */
async function hungMounts(
  { chaos }: TroubleGround,
  pod: Pod,
  undo: (() => Promise<unknown>)[],
): Promise<{ fuses: FuseMount[]; path: string }> {
  const dir = join(chaos.node.dir, 'hung');
  const [lower, other, path] = ['lower', 'other', 'volume'].map((name) => join(dir, name)) as [string, string, string];
  for (const each of [lower, other, path]) mkdirSync(each, { recursive: true });
  const covered = chaos.node.crisp.recordDirs
    .map((each) => join(each, pod.id))
    .find((each) => existsSync(join(each, 'shm')));
  const fuses: FuseMount[] = [];
  for (const target of covered === undefined ? [lower] : [lower, covered]) {
    const fuse = await mountFuse(target);
    undo.push(() => fuse.end());
    fuses.push(fuse);
  }
  const options = [`lowerdir=${lower}:${other}`];
  await mountAll([{ type: 'overlay', source: 'overlay', target: '', options }], path, { readonly: true });
  undo.push(() => unmount(path, { lazy: true }));
  return { fuses, path };
}

/** Resolves when calls that need nothing of the mount have been answered, or have not for too long. */
async function othersAnswered({ chaos, faults }: TroubleGround, containerId: string): Promise<void> {
  const { runtime } = chaos.node.cri;
  const options = { timeoutMs: TRY_MS };
  const request = ExecSyncRequest.fromPartial({ containerId, cmd: ['true'], timeout: 20n });
  const calls: Record<string, () => Promise<unknown>> = {
    Status: () => runtime.status({ verbose: false }, options),
    ListPodSandbox: () => runtime.listPodSandbox({ filter: undefined }, options),
    ListContainers: () => runtime.listContainers({ filter: undefined }, options),
    ContainerStatus: () => runtime.containerStatus({ containerId, verbose: false }, options),
    ExecSync: () => runtime.execSync(request, options),
  };
  const limit = Date.now() + ANSWERED_MS;
  for (const [name, act] of Object.entries(calls)) {
    let why = 'not asked in time';
    while (why !== '' && Date.now() < limit) {
      why = await act().then(
        () => '',
        (error: unknown) => String(error),
      );
      if (why !== '') await pause(100);
    }
    if (why !== '') faults.add('calls held up by a hung mount', `${name}: ${why}`);
  }
}

/** Makes calls as kubelet does: until they succeed. */
function patienceOf({ chaos, faults }: TroubleGround): Patience {
  return new Patience({ chaos, cri: chaos.node.cri, faults });
}
