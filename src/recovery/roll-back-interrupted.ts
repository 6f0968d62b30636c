import { errorMessage } from '../base/errors';
import type { Sandbox, SandboxMetadata } from '../model/sandbox';
import { hasPodNetwork } from '../pods/pod-network-config';
import { removeSandboxParts } from '../pods/remove-sandbox';
import { takeDownNetwork } from '../pods/teardown-sandbox';
import { deleteTask } from '../tasks/record-exit';
import { afterwards } from './background';
import type { Asked } from './inventory';
import { CLEANUP_TIMEOUT_MS, GET_TIMEOUT_MS, type RecoverDeps } from './recover-deps';
import { reserveRecovered } from './reserve-recovered';

/**
 * Rolls back what the journal shows to be an interrupted creation: a pod of which containerd has no record, asked by its id
 * right before, and of which nothing runs. It is the only thing that a start takes apart. Where the answers of this start
 * were not whole, nothing is. False when something is left for another look.
 */
export async function rollBackInterrupted(deps: RecoverDeps, asked: Asked): Promise<boolean> {
  const parents = new Set(deps.containers.list().map(({ metadata }) => metadata.sandboxId));
  let done = true;
  for (const { id, metadata, problem } of asked.journal.values()) {
    if (deps.sandboxes.get(id)) continue;
    if (asked.whole && asked.absent.has(id) && !parents.has(id) && (await isAbsent(deps, id))) {
      if (metadata) await rollBack(deps, metadata);
      else if (problem === 'torn') await forget(deps, id);
      else done = false;
      continue;
    }
    deps.log.warn('a journal file without a record is left alone', { id, reason: reasonOf(asked, id) });
    done = false;
  }
  return done;
}

/** Asked right before anything is destroyed. */
async function isAbsent(deps: RecoverDeps, id: string): Promise<boolean> {
  try {
    return (await deps.containerd.containers.get(id, { timeoutMs: GET_TIMEOUT_MS })) === undefined;
  } catch {
    return false;
  }
}

function reasonOf(asked: Asked, id: string): string {
  return asked.unasked.get(id) ?? (asked.whole ? 'containers of this pod have records' : 'containerd left records out');
}

/** What it says cannot be known. Its network attachment is found by the sweep, by what CNI itself has kept. */
async function forget(deps: RecoverDeps, id: string): Promise<void> {
  deps.log.warn('a torn journal file without a record is removed', { id });
  await deps.sandboxes.forget(id).catch((error: unknown) => {
    deps.log.warn('a torn journal file cannot be removed', { id, error: errorMessage(error) });
  });
}

/** Listed as NOTREADY until it is gone; what fails is left to kubelet, which removes such a pod. */
async function rollBack(deps: RecoverDeps, metadata: SandboxMetadata): Promise<void> {
  const { id, name } = metadata;
  const now = BigInt(Date.now()) * 1_000_000n;
  const sandbox: Sandbox = {
    // The journal may be older than the namespace: its path follows from the id.
    metadata: { ...metadata, netnsPath: hasPodNetwork(metadata.config) ? deps.paths.netns(id) : '' },
    status: { state: 'NOTREADY', pid: 0, createdAt: now, exitedAt: now, exitStatus: 0 },
  };
  reserveRecovered(deps, name, id);
  deps.selinux.reserve(metadata.processLabel);
  deps.sandboxes.add(sandbox);
  // Under the lock of a stop as well, and first: kubelet may stop or remove the pod at once, and two of them would take its
  // network down side by side.
  await afterwards(deps, `stop/${id}`, async () => {
    await using _held = await deps.locks.hold(id);
    const signal = AbortSignal.timeout(CLEANUP_TIMEOUT_MS);
    // The task first, and the rest only when that is gone.
    await deleteTask(deps, id, signal);
    await takeDownNetwork(deps, sandbox, signal);
    await removeSandboxParts(deps, sandbox, signal);
    deps.log.info('rolled back an interrupted creation', { id, name });
  });
}
