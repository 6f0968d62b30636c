import {
  ContainerEventType,
  type RunPodSandboxRequest,
  type RunPodSandboxResponse,
} from '../../../generated/cri/v1/api';
import { newId } from '../../base/ids';
import { inSteps } from '../../base/steps';
import { labelledMounts } from '../../host/selinux';
import { killAndDelete } from '../../lifecycle/kill-and-delete';
import { POD_LEASE_LABEL } from '../../lifecycle/pod-lease';
import { hasPodNetwork } from '../../lifecycle/pod-network-config';
import { takeDownNetwork } from '../../lifecycle/teardown-sandbox';
import type { RuntimeHandler } from '../../model/runtime-handler';
import type { Sandbox } from '../../model/sandbox';
import { watchSandbox } from '../../monitor/watch-exits';
import type { Call } from '../../rpc/call';
import type { CriDeps } from '../deps';
import { requireSandboxConfig } from '../require';
import { sandboxLabel } from '../selinux';
import { existingSandbox, sandboxFingerprint } from './existing-sandbox';
import { newSandbox, requireHandler, requireSupportedUserns } from './new-sandbox';
import { ensureSandboxImage } from './sandbox-image';
import { addToNetwork, makeSandboxFiles, makeSandboxNetns, pauseContainer, removeSandboxFiles } from './sandbox-parts';
import { deleteSandboxRecord, storeSandbox, updateSandboxRecord } from './sandbox-record';

/**
 * Creates and starts a pod sandbox. Afterwards it is READY, or there is nothing, or a NOTREADY one that kubelet can remove.
 * A call that is repeated while it runs, or after it, answers the same sandbox.
 */
export async function runPodSandbox(
  deps: CriDeps,
  req: RunPodSandboxRequest,
  call: Call,
): Promise<RunPodSandboxResponse> {
  const config = requireSandboxConfig(req.config, 'config');
  const handler = requireHandler(deps, req.runtimeHandler);
  await requireSupportedUserns(deps, handler, config);
  const wanted = newSandbox(newId(), config, req.runtimeHandler);
  const podSandboxId = await deps.creations.join(wanted.metadata.name, sandboxFingerprint(wanted), async () => {
    return (await existingSandbox(deps, wanted, call)) ?? makeSandbox(deps, wanted, handler, call);
  });
  return { podSandboxId };
}

async function makeSandbox(deps: CriDeps, sandbox: Sandbox, handler: RuntimeHandler, call: Call): Promise<string> {
  const { metadata } = sandbox;
  const { config } = metadata;
  const { id, name } = metadata;
  const { leases, snapshots, containers, tasks } = deps.containerd;
  await using _held = await deps.locks.hold(id); // an early exit waits until the sandbox is listed

  const stuck = (): void => listStuck(deps, sandbox);
  await inSteps({ signal: call.signal, log: call.log, stuck }, async (step) => {
    await step(
      'reserve the name',
      () => deps.names.reserve(name, id),
      () => deps.names.release(name, id),
    );
    await step(
      'choose its SELinux label',
      () => {
        metadata.processLabel = sandboxLabel(deps, config);
      },
      () => deps.selinux.release(metadata.processLabel),
    );
    await step(
      'record the sandbox',
      () => deps.sandboxes.record(metadata),
      () => deps.sandboxes.forget(id),
    );
    await step(
      'take a lease',
      () => leases.create({ id, labels: { [POD_LEASE_LABEL]: 'true' } }, { signal: call.signal }),
      (signal) => leases.delete(id, { signal }),
    );
    await step(
      'store the sandbox',
      () => storeSandbox(deps, sandbox, handler, call.signal),
      (signal) => deleteSandboxRecord(deps, id, signal),
    );
    const image = await step('find the pause image', () => ensureSandboxImage(deps, handler, call.signal));
    if (hasPodNetwork(config)) {
      await step(
        'make the network namespace',
        () => makeSandboxNetns(deps, sandbox),
        () => deps.host.removeNetns(deps.paths.netns(id)),
      );
      await step(
        'set up the pod network',
        () => addToNetwork(deps, sandbox, call.signal),
        (signal) => takeDownNetwork(deps, sandbox, signal),
      );
    }
    await step(
      'write hosts, hostname, resolv.conf',
      () => makeSandboxFiles(deps, sandbox, call.signal),
      () => removeSandboxFiles(deps, id),
    );
    await step(
      'choose its shim',
      () => chooseShim(deps, sandbox, handler, call.signal),
      () => deps.shims.forget(id),
    );
    const pause = await step('derive the spec', () => pauseContainer(deps, sandbox, handler, image));
    const mounts = await step(
      'prepare the root filesystem', // under the lease: without one it can be collected before its record exists
      () => snapshots.prepare(pause.snapshot, { lease: id, signal: call.signal }),
      (signal) => snapshots.remove({ snapshotter: handler.snapshotter, key: id }, { signal }),
    );
    const record = await step(
      'create the container',
      () => containers.create(pause.record, { lease: id, signal: call.signal }),
      (signal) => containers.delete(id, { signal }),
    );
    await step('store the spec', () =>
      updateSandboxRecord(deps, sandbox, { spec: pause.record.spec, signal: call.signal }),
    );
    const rootfs = labelledMounts(mounts, deps.selinux.mountLabel(metadata.processLabel));
    const task = await step(
      'create the task',
      () => tasks.create({ containerId: id, rootfs, runtimePath: handler.runtimePath }),
      (signal) => killAndDelete(deps, id, signal),
    );
    await step(
      'watch for its exit', // before it starts: a short-lived task may be gone before the answer arrives
      () => watchSandbox(deps, deps.monitor, sandbox),
      () => {
        deps.monitor.unwatch(id);
        deps.exits.settle(id); // or a later stop waits for an end that nobody will see
      },
    );
    await step('start the task', () => tasks.start({ containerId: id }));
    // The record's own time, which is what a restarted server finds.
    sandbox.status = { ...sandbox.status, state: 'READY', pid: task.pid, createdAt: record.createdAt };
  });

  // Nothing below may fail: the pod runs, and from here on only Stop and Remove take it down.
  deps.shims.settle(id);
  deps.sandboxes.add(sandbox);
  deps.events.publish(id, id, ContainerEventType.CONTAINER_CREATED_EVENT);
  deps.events.publish(id, id, ContainerEventType.CONTAINER_STARTED_EVENT);
  return id;
}

async function chooseShim(
  deps: CriDeps,
  sandbox: Sandbox,
  handler: RuntimeHandler,
  signal: AbortSignal,
): Promise<void> {
  sandbox.shimGroup = await deps.shims.enter(sandbox.metadata.id, handler, signal);
}

/** What could not be undone is kubelet's to remove. */
function listStuck(deps: CriDeps, sandbox: Sandbox): void {
  deps.shims.settle(sandbox.metadata.id);
  deps.sandboxes.add({ ...sandbox, status: { ...sandbox.status, state: 'NOTREADY' } });
}
