import {
  ContainerEventType,
  type RunPodSandboxRequest,
  type RunPodSandboxResponse,
} from '../../../generated/cri/v1/api';
import { newId } from '../../base/ids';
import { inSteps } from '../../base/work/steps';
import type { RuntimeHandler } from '../../model/runtime-handler';
import type { Sandbox } from '../../model/sandbox';
import { checkSandbox } from '../../oci/check-sandbox';
import { hasPodNetwork } from '../../pods/pod-network-config';
import type { Call } from '../../rpc/call';
import { stepsOf } from '../call-steps';
import type { CriDeps } from '../deps';
import { requireSandboxConfig } from '../require';
import { sandboxLabel } from '../selinux';
import { checkPodNetwork } from './check-pod-network';
import { existingSandbox, sandboxFingerprint } from './existing-sandbox';
import { makeWithInfra, makeWithoutInfra } from './make-sandbox';
import { newSandbox, requireHandler, requireSupportedUserns } from './new-sandbox';

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
  checkSandbox({ config, handler, facts: deps.host.facts, settings: deps.config });
  const wanted = newSandbox(newId(), config, { name: req.runtimeHandler, handler });
  checkPodNetwork(wanted.metadata);
  const podSandboxId = await deps.creations.join(wanted.metadata.name, sandboxFingerprint(wanted), async () => {
    return (await existingSandbox(deps, wanted, call)) ?? makeSandbox(deps, wanted, handler, call);
  });
  return { podSandboxId };
}

async function makeSandbox(deps: CriDeps, sandbox: Sandbox, handler: RuntimeHandler, call: Call): Promise<string> {
  const { metadata, withoutInfra } = sandbox;
  const { id, name, config } = metadata;
  const { signal } = call;
  await using _held = await deps.locks.hold(id); // an early exit waits until the sandbox is listed

  const stuck = (): void => listStuck(deps, sandbox);
  await inSteps({ ...stepsOf(call), stuck }, async (step, together) => {
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
    // Whatever is written down of it from here on leads to its namespace, which is made beside the rest.
    metadata.netnsPath = hasPodNetwork(config) ? deps.paths.netns(id) : '';
    await step(
      'record the sandbox',
      () => deps.sandboxes.record(metadata),
      () => deps.sandboxes.forget(id),
    );
    const making = { deps, sandbox, handler, signal, step, together };
    const { record, pid } = await (withoutInfra ? makeWithoutInfra(making) : makeWithInfra(making));
    // The record's own time, which is what a restarted server finds.
    sandbox.status = { ...sandbox.status, state: 'READY', pid, createdAt: record.createdAt };
  });

  // Nothing below may fail: the pod is there, and from here on only Stop and Remove take it down.
  deps.shimGroups.settle(id);
  deps.sandboxes.add(sandbox);
  deps.events.publish(id, id, ContainerEventType.CONTAINER_CREATED_EVENT);
  deps.events.publish(id, id, ContainerEventType.CONTAINER_STARTED_EVENT);
  return id;
}

/** What could not be undone is kubelet's to remove. */
function listStuck(deps: CriDeps, sandbox: Sandbox): void {
  deps.shimGroups.settle(sandbox.metadata.id);
  deps.sandboxes.add({ ...sandbox, status: { ...sandbox.status, state: 'NOTREADY' } });
}
