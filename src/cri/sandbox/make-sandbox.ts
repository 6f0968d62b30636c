import type { Together } from '../../base/work/steps';
import type { ContainerRecord } from '../../containerd/containers';
import type { Any } from '../../model/any';
import { podLease } from '../../pods/pod-lease';
import {
  createPause,
  createsTaskEarly,
  describePause,
  joinNetwork,
  type Making,
  makeNetns,
  makePinnedNamespaces,
  type Pause,
  preparePause,
  recordNetwork,
  recordPause,
  startPause,
} from './sandbox-branches';
import { makeSandboxFiles, removeSandboxFiles } from './sandbox-parts';
import { deleteSandboxRecord, storeSandbox } from './sandbox-record';

type Whole = Making & { readonly together: Together };

/** A pod that is there: its record, and the pid of its pause process, 0 without one. */
export interface Made {
  readonly record: ContainerRecord;
  readonly pid: number;
}

/** Makes a pod without a pause task. It is found again by its record, so that is made last. */
export async function makeWithoutInfra(making: Whole): Promise<Made> {
  const { together } = making;
  // These need nothing of each other; the network takes longest.
  const [, pause] = await together(
    () => takeLease(making),
    () => describePause(making),
    () => makePinnedNamespaces(making),
    () => writeFiles(making),
  );
  const [record] = await together(
    () => recordPause(making, pause),
    () => store(making, pause.spec),
  );
  return { record, pid: 0 };
}

/**
 * Makes a pod with a pause task, and starts that. Where it may be, the task is created beside the setup of the network. It
 * starts when the network is written down: a pod whose pause task runs is found READY after a crash.
 */
export async function makeWithInfra(making: Whole): Promise<Made> {
  const { together } = making;
  const early = createsTaskEarly(making);
  // Each is waited for by whoever needs it, and by a branch. What the machine alone undoes begins last and is undone first:
  // also when the daemon, whose part comes then, has gone.
  const leased = takeLease(making);
  const netns = makeNetns(making);
  const files = writeFiles(making);
  const networked = netns.then(() => joinNetwork(making));
  const recorded = recordWhen(making, leased, early ? undefined : networked);
  const [made] = await together(
    async () => {
      const { pause, record } = await recorded;
      await netns;
      await files;
      return { record, pid: await createPause(making, pause) };
    },
    async () => {
      await networked;
      const { pause } = await recorded;
      await together(
        async () => (early ? recordNetwork(making) : undefined),
        () => store(making, pause.spec),
      );
    },
    () => files,
  );
  await startPause(making);
  return made;
}

/** Prepares the pause container and records it: under its lease, and after what must be there before. */
async function recordWhen(
  making: Making,
  leased: Promise<void>,
  before?: Promise<void>,
): Promise<{ pause: Pause; record: ContainerRecord }> {
  await leased;
  const pause = await preparePause(making);
  await before;
  return { pause, record: await recordPause(making, pause) };
}

async function takeLease({ deps, sandbox, signal, step }: Making): Promise<void> {
  const { id } = sandbox.metadata;
  const { leases } = deps.containerd;
  await step(
    'take a lease',
    () => leases.create(podLease(id), { signal }),
    (undoing) => leases.delete(id, { signal: undoing }),
  );
}

function store({ deps, sandbox, handler, signal, step }: Making, spec: Any): Promise<void> {
  return step(
    'store the sandbox',
    () => storeSandbox(deps, sandbox, handler, { spec, signal }),
    (undoing) => deleteSandboxRecord(deps, sandbox.metadata.id, undoing),
  );
}

function writeFiles({ deps, sandbox, signal, step }: Making): Promise<void> {
  return step(
    'write hosts, hostname, resolv.conf',
    () => makeSandboxFiles(deps, sandbox, signal),
    () => removeSandboxFiles(deps, sandbox.metadata.id),
  );
}
