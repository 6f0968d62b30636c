import type {
  ContainerResources,
  UpdateContainerResourcesRequest,
  UpdateContainerResourcesResponse,
} from '../../../generated/cri/v1/api';
import { errorMessage } from '../../base/errors';
import { parseJson, stringifyJson } from '../../base/json/json';
import { jsonPieces } from '../../base/json/json-pieces';
import { inTurn } from '../../base/work/divided-work';
import { inTurns } from '../../base/work/pieces';
import { isDeadlineExceeded, isUnavailable, orAbsent } from '../../containerd/errors';
import { type Container, containerState } from '../../model/container';
import type { SpecResources as Resources, Spec } from '../../model/spec';
import { resourcesOf, updateResources } from '../../oci/resources/resources';
import type { Call } from '../../rpc/call';
import type { CriDeps } from '../deps';
import { invalid, notReady } from '../errors';
import { requireContainer } from '../require';
import { RESOURCES_TYPE_URL, SPEC_TYPE_URL } from '../type-urls';

/** What the put-back of a failed change may take, each time it is tried. */
const PUT_BACK_TIMEOUT_MS = 30_000;

/**
 * Changes the resources of a container: in its stored spec, and in the kernel when it runs. Either both have changed
 * afterwards or neither; what cannot be put back at once is put back in the background, and before the next change. What is
 * told afterwards is what the spec says, also of a resource that changes with another one (a memory limit alone allows no swap).
 * A value of 0 leaves that resource as it is.
 */
export async function updateContainerResources(
  deps: CriDeps,
  req: UpdateContainerResourcesRequest,
  call: Call,
): Promise<UpdateContainerResourcesResponse> {
  const container = requireContainer(deps, req.containerId);
  const { linux, annotations } = req;
  if (!linux) throw invalid('linux', 'is missing');
  const { id } = container.metadata;
  await using _held = await deps.locks.hold(id, call.signal);
  const state = containerState(container.status);
  if (state === 'EXITED' || state === 'UNKNOWN') throw notReady(`container "${id}" is ${state}`);
  await container.putBackResources?.(call.signal);
  const before = await specOf(deps, id, call.signal);
  const after = updateResources(before, linux, deps.host.facts, deps.config);
  await change(deps, { container, before, after, annotations }, call);
  const resources = inForce(container.status.resources, after);
  await deps.containers.update(container, { resources }).catch((error: unknown) => {
    deps.containers.updateInMemory(container, { resources }); // they are in force, on disk or not
    throw error;
  });
  return {};
}

interface Change {
  readonly container: Container;
  readonly before: Spec;
  readonly after: Spec;
  readonly annotations: Record<string, string>;
}

/** Changes record and task, or neither. The error is that of the change, whatever becomes of putting it back. */
async function change(deps: CriDeps, { container, before, after, annotations }: Change, call: Call): Promise<void> {
  const { id } = container.metadata;
  const { signal } = call;
  const runs = containerState(container.status) === 'RUNNING';
  let asked = false;
  try {
    await writeSpec(deps, id, after, signal);
    asked = runs;
    if (runs) await updateTask(deps, { id, resources: after.linux?.resources, annotations }, signal);
  } catch (error) {
    // What was refused has not happened; when nothing was answered it may have.
    const inKernel = asked && (signal.aborted || isUnavailable(error) || isDeadlineExceeded(error));
    container.putBackResources = async (until) => {
      const resources = inKernel ? undoing(before.linux?.resources, after.linux?.resources) : undefined;
      const stillRuns = containerState(container.status) === 'RUNNING';
      if (resources && stillRuns) await updateTask(deps, { id, resources, annotations: {} }, until);
      await orAbsent(writeSpec(deps, id, before, until));
      container.putBackResources = undefined;
    };
    await container.putBackResources(AbortSignal.timeout(PUT_BACK_TIMEOUT_MS)).catch((failed: unknown) => {
      const why = errorMessage(failed);
      call.log.warn('resources could not be put back, trying again', { id, error: why });
      putBackLater(deps, container, why);
    });
    throw error;
  }
}

function putBackLater(deps: CriDeps, container: Container, why: string): void {
  const { id } = container.metadata;
  const putBack = async (): Promise<boolean> => {
    await using _held = await deps.locks.hold(id);
    if (deps.containers.get(id) === container) {
      await container.putBackResources?.(AbortSignal.timeout(PUT_BACK_TIMEOUT_MS));
    }
    return true;
  };
  deps.retries.until(`putting back the resources of container ${id}`, putBack, why);
}

/** The old resources, with no limit where only the new ones have one: what is not given stays as it is in the kernel. */
function undoing(before: Resources = {}, after: Resources = {}): Resources {
  const { cpu, memory } = before;
  const unlimited = {
    ...(after.cpu?.quota !== undefined ? { cpu: { quota: -1n } } : {}),
    ...(after.memory?.limit !== undefined ? { memory: { limit: -1n } } : {}),
  };
  return {
    ...before,
    ...(cpu || unlimited.cpu ? { cpu: { ...unlimited.cpu, ...cpu } } : {}),
    ...(memory || unlimited.memory ? { memory: { ...unlimited.memory, ...memory } } : {}),
  };
}

async function specOf(deps: CriDeps, id: string, signal: AbortSignal): Promise<Spec> {
  const record = await deps.containerd.containers.get(id, { signal });
  if (!record?.spec) throw notReady(`container "${id}" has no record`);
  const { value } = record.spec;
  return inTurn(() => parseJson(value.toString('utf8')) as Spec);
}

async function writeSpec(deps: CriDeps, id: string, spec: Spec, signal: AbortSignal): Promise<void> {
  const value = { typeUrl: SPEC_TYPE_URL, value: await inTurns(jsonPieces(spec)) };
  await deps.containerd.containers.update({ id, spec: value }, ['spec'], { signal });
}

async function updateTask(
  deps: CriDeps,
  { id, resources = {}, annotations }: { id: string; resources?: Resources; annotations: Record<string, string> },
  signal: AbortSignal,
): Promise<void> {
  const value = { typeUrl: RESOURCES_TYPE_URL, value: Buffer.from(stringifyJson(resources)) };
  await deps.containerd.tasks.update({ containerId: id, resources: value, annotations }, { signal });
}

/** What a spec sets; members that a newer program has stored beside that stay. */
function inForce(before: ContainerResources | undefined, spec: Spec): ContainerResources {
  return { windows: undefined, ...before, linux: { ...before?.linux, ...resourcesOf(spec) } };
}
