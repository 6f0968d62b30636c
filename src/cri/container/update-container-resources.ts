import type {
  LinuxContainerResources,
  UpdateContainerResourcesRequest,
  UpdateContainerResourcesResponse,
} from '../../../generated/cri/v1/api';
import { parseJson, stringifyJson } from '../../base/json';
import { containerState } from '../../model/container';
import type { Spec } from '../../model/spec';
import { mergeResources, updateResources } from '../../oci/resources';
import type { Call } from '../../rpc/call';
import type { CriDeps } from '../deps';
import { invalid, notReady } from '../errors';
import { requireContainer } from '../require';
import { RESOURCES_TYPE_URL, SPEC_TYPE_URL } from '../type-urls';

/**
 * Changes the resources of a container: in its stored spec, and in the kernel when it runs. Either both have changed
 * afterwards or neither. A value of 0 leaves that resource as it is.
 */
export async function updateContainerResources(
  deps: CriDeps,
  req: UpdateContainerResourcesRequest,
  call: Call,
): Promise<UpdateContainerResourcesResponse> {
  const container = requireContainer(deps, req.containerId);
  if (!req.linux) throw invalid('linux', 'is missing');
  const { id } = container.metadata;
  await using _held = await deps.locks.hold(id, call.signal);
  const state = containerState(container.status);
  if (state === 'EXITED' || state === 'UNKNOWN') throw notReady(`container "${id}" is ${state}`);
  const { containers, tasks } = deps.containerd;
  const record = await containers.get(id, { signal: call.signal });
  if (!record?.spec) throw notReady(`container "${id}" has no record`);
  const spec = updateResources(
    parseJson(record.spec.value.toString('utf8')) as Spec,
    req.linux,
    deps.host.facts,
    deps.config,
  );
  await containers.update({ id, spec: { typeUrl: SPEC_TYPE_URL, value: toJson(spec) } }, ['spec'], {
    signal: call.signal,
  });
  if (state === 'RUNNING') {
    const resources = { typeUrl: RESOURCES_TYPE_URL, value: toJson(spec.linux?.resources ?? {}) };
    try {
      await tasks.update({ containerId: id, resources, annotations: req.annotations }, { signal: call.signal });
    } catch (error) {
      await containers.update({ id, spec: record.spec }, ['spec']);
      throw error;
    }
  }
  await deps.containers.update(container, {
    resources: { linux: merged(container.status.resources?.linux, req.linux) },
  });
  return {};
}

function merged(before: LinuxContainerResources | undefined, change: LinuxContainerResources): LinuxContainerResources {
  return before ? mergeResources(before, change) : change;
}

function toJson(value: unknown): Buffer {
  return Buffer.from(stringifyJson(value));
}
