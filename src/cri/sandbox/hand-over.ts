import { errorMessage } from '../../base/errors';
import { within } from '../../base/wait/deadline';
import { inSteps } from '../../base/work/steps';
import type { ContainerRecord } from '../../containerd/containers';
import { isAlreadyExists } from '../../containerd/errors';
import type { Mount } from '../../model/mount';
import type { RuntimeHandler } from '../../model/runtime-handler';
import type { Sandbox, SandboxMetadata } from '../../model/sandbox';
import { INFRA_LABEL, isPinned, markWithInfra, WITHOUT_INFRA } from '../../pods/infra';
import { ensurePodLease } from '../../pods/pod-lease';
import { parseSandboxMetadata, SANDBOX_EXTENSION } from '../../state/records';
import { killAndDelete } from '../../tasks/kill-and-delete';
import type { CriDeps } from '../deps';
import { createPause } from './sandbox-branches';
import { ensureSandboxImage } from './sandbox-image';
import { pauseSnapshot, pauseSpec } from './sandbox-parts';
import { updateSandboxRecord } from './sandbox-record';
import { sandboxUser } from './sandbox-user';

/** What one pod may take, its image perhaps pulled. */
const POD_TIMEOUT_MS = 300_000;

/** What became of the pods that had no pause task. */
export interface HandedOver {
  readonly started: number;
  /** They are stopped or were before a reboot: nothing of them could run on. */
  readonly left: number;
  readonly failed: number;
}

/**
 * Gives every pod without a pause task one in its pinned namespaces, since containerd's own CRI knows no pod without.
 * What runs in them goes on. Nobody may serve CRI meanwhile. Can be repeated; a pod that fails stays as it was.
 */
export async function handOver(deps: CriDeps, print: (line: string) => void): Promise<HandedOver> {
  const done = { started: 0, left: 0, failed: 0 };
  for (const record of await deps.containerd.containers.list([`labels."${INFRA_LABEL}"==${WITHOUT_INFRA}`])) {
    const metadata = metadataOf(record);
    const name = `pod ${metadata?.name ?? record.id} (${record.id.slice(0, 13)})`;
    try {
      if (!metadata) throw new Error('its record has no readable sandbox metadata');
      const started = await within(POD_TIMEOUT_MS, name, (signal) => handOverOne(deps, record, metadata, signal));
      done[started ? 'started' : 'left'] += 1;
      print(`${name}: ${started ? 'has a pause task now' : 'is not ready, left as it is'}`);
    } catch (error) {
      done.failed += 1;
      print(`${name}: ${errorMessage(error)}`);
    }
  }
  return done;
}

function metadataOf(record: ContainerRecord): SandboxMetadata | undefined {
  const extension = record.extensions[SANDBOX_EXTENSION];
  return extension && parseSandboxMetadata(extension.value);
}

/** False when there is nothing to be kept. */
async function handOverOne(
  deps: CriDeps,
  record: ContainerRecord,
  metadata: SandboxMetadata,
  signal: AbortSignal,
): Promise<boolean> {
  const { id } = record;
  const { tasks } = deps.containerd;
  const handler = deps.handlers.find(metadata.runtimeHandler);
  if (!handler) throw new Error(`its runtime "${metadata.runtimeHandler}" is not configured`);
  const task = await tasks.get({ containerId: id }, { signal });
  if (task?.status === 'RUNNING') {
    await markWithInfra(deps, id); // we were cut off right before
    return true;
  }
  if (!(await isPinned(deps, metadata))) return false;
  if (task) await killAndDelete(deps, id, signal);
  await startPause(deps, { metadata, handler, signal, createdAt: record.createdAt });
  return true;
}

interface Handing {
  readonly metadata: SandboxMetadata;
  readonly handler: RuntimeHandler;
  readonly signal: AbortSignal;
  readonly createdAt: bigint;
}

async function startPause(deps: CriDeps, { metadata, handler, signal, createdAt }: Handing): Promise<void> {
  const { id } = metadata;
  const { containers, snapshots, tasks } = deps.containerd;
  const status = { state: 'READY', pid: 0, createdAt, exitedAt: 0n, exitStatus: 0 } as const;
  const sandbox: Sandbox = { metadata, status, withoutInfra: true };
  await inSteps({ signal, log: deps.log }, async (step) => {
    await step('see to its lease', () => ensurePodLease(deps, id));
    const image = await step('find the pause image', () => ensureSandboxImage(deps, handler, signal));
    const user = await step('find its user', () => sandboxUser(deps, sandbox, handler, image));
    const spec = await step('derive the spec', () => pauseSpec(deps, sandbox, handler, { image, user }));
    await step('write the spec', async () => {
      await containers.update({ id, spec, image: deps.config.sandbox_image }, ['spec', 'image'], { signal });
      await updateSandboxRecord(deps, sandbox, { spec, signal });
    });
    const mounts = await step(
      'prepare the root filesystem',
      () => rootfsOf(deps, pauseSnapshot(sandbox, handler, image), signal),
      (undoing) => snapshots.remove({ snapshotter: handler.snapshotter, key: id }, { signal: undoing }),
    );
    await createPause({ deps, sandbox, handler, signal, step }, { image, spec, mounts });
    await step('start the task', () => tasks.start({ containerId: id }));
  });
  // No step: it must not be undone once its record may say so.
  await markWithInfra(deps, id);
}

/** One that an attempt before has prepared is used as it is. */
async function rootfsOf(
  deps: CriDeps,
  snapshot: ReturnType<typeof pauseSnapshot>,
  signal: AbortSignal,
): Promise<Mount[]> {
  const { snapshots } = deps.containerd;
  try {
    return await snapshots.prepare(snapshot, { lease: snapshot.key, signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return snapshots.mounts(snapshot, { signal });
  }
}
