import { errorMessage } from '../base/errors';
import { Limit } from '../base/work/limit';
import type { ContainerRecord } from '../containerd/containers';
import { clearScratch } from '../pods/user-files';
import { KIND_CONTAINER, KIND_LABEL, KIND_SANDBOX } from '../state/labels';
import { type Asked, withRoom } from './inventory';
import { lookAgain, readImagesAgain } from './look-again';
import { recoverContainer } from './recover-container';
import type { RecoverDeps } from './recover-deps';
import { recoverSandbox } from './recover-sandbox';
import { rollBackInterrupted } from './roll-back-interrupted';

export { askDaemon } from './inventory';

const AT_ONCE = 16;

/**
 * Finds every pod and container again from containerd's records and our files. Afterwards they are listed with the state
 * they are in, their exits are watched and their logs go on. What could not be found out is asked again in the background,
 * and interrupted creations are cleared there. One bad record never stops the start, and none is left out.
 */
export async function recover(deps: RecoverDeps, asked: Asked): Promise<void> {
  deps.monitor.hold();
  try {
    const took = await withRoom(() => recoverAll(deps, asked));
    const [sandboxes, containers] = [deps.sandboxes.list().length, deps.containers.list().length];
    deps.log.info('recovered', { sandboxes, containers, askedMs: asked.ms, ...took });
  } finally {
    void deps.monitor.release();
  }
}

/** Answers what the pods and the containers took, in milliseconds. */
async function recoverAll(deps: RecoverDeps, asked: Asked): Promise<{ podsMs: number; containersMs: number }> {
  const lap = stopwatch();
  await clearScratch(deps).catch((error: unknown) => {
    deps.log.warn('mounts of images cannot be cleared', { error: errorMessage(error) });
  });
  const limit = new Limit(AT_ONCE);
  const each = (kind: string, act: (record: ContainerRecord) => Promise<void>): Promise<unknown> =>
    Promise.all(
      asked.records
        .filter((record) => record.labels[KIND_LABEL] === kind)
        .map((record) => limit.run(() => listed(deps, record.id, () => act(record)))),
    );
  // Pods first: a container without its pod cannot be listed.
  await each(KIND_SANDBOX, (record) => recoverSandbox(deps, record, asked));
  const podsMs = lap();
  await each(KIND_CONTAINER, (record) => recoverContainer(deps, record, asked));
  const containersMs = lap();
  if (!(await rollBackInterrupted(deps, asked)) || asked.unasked.size > 0) lookAgain(deps, asked);
  readImagesAgain(deps);
  return { podsMs, containersMs };
}

/** Answers the milliseconds since it was asked last. */
function stopwatch(): () => number {
  let since = performance.now();
  return () => {
    const from = since;
    since = performance.now();
    return Math.round(since - from);
  };
}

/** Recovers one record by `act`. What fails is tried again in the background until it is listed. */
async function listed(deps: RecoverDeps, id: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    const why = errorMessage(error);
    deps.log.error('recovery of a record failed, trying again', { id, error: why });
    const again = async (): Promise<boolean> => {
      if (!deps.sandboxes.get(id) && !deps.containers.get(id)) await act();
      return true;
    };
    deps.retries.until(`the recovery of ${id}`, again, why);
  }
}
