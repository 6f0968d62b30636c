import type { LinuxContainerResources } from '../../generated/cri/v1/api';
import { parseJson, stringifyJson } from '../base/json/json';
import type { Any } from '../model/any';
import { fromGoJson, isPlain, toGoJson } from './go-json';

/** What UpdatePodSandboxResources said last of a pod. */
export interface UpdatedResources {
  readonly overhead?: LinuxContainerResources;
  readonly resources?: LinuxContainerResources;
}

/** Key and type of it in a record of the daemon's sandbox store, as containerd's plugin (2.2 on) writes and reads them. */
export const UPDATED_RESOURCES_EXTENSION = 'updated-resources';
const UPDATED_RESOURCES_TYPE = 'io.containerd.cri.v1/UpdatedResources';

/** The extension of a record. */
export function updatedResourcesExtension(updated: UpdatedResources): Any {
  return { typeUrl: UPDATED_RESOURCES_TYPE, value: Buffer.from(stringifyJson(updatedResourcesJson(updated))) };
}

/** The Go struct as plain JSON: what was not said is null. */
function updatedResourcesJson({ overhead, resources }: UpdatedResources): Record<string, unknown> {
  return {
    Overhead: overhead ? toGoJson('LinuxContainerResources', overhead) : null,
    Resources: resources ? toGoJson('LinuxContainerResources', resources) : null,
  };
}

/** What the value of an extension says; undefined when it is torn. */
export function parseUpdatedResources(data: Buffer): UpdatedResources | undefined {
  try {
    return fromUpdatedResourcesJson(parseJson(data.toString('utf8')));
  } catch {
    return undefined;
  }
}

/** The same as a member of our journal file. */
export function updatedResourcesMember(updated: UpdatedResources): Record<string, unknown> {
  return { UpdatedResources: updatedResourcesJson(updated) };
}

/** What a journal file says of it; undefined when it says nothing or is torn. */
export function parseUpdatedResourcesMember(journal: Buffer): UpdatedResources | undefined {
  try {
    const json = parseJson(journal.toString('utf8'));
    return isPlain(json) ? fromUpdatedResourcesJson(json.UpdatedResources) : undefined;
  } catch {
    return undefined;
  }
}

function fromUpdatedResourcesJson(json: unknown): UpdatedResources | undefined {
  if (!isPlain(json)) return undefined;
  const read = (member: unknown): LinuxContainerResources | undefined =>
    member === null || member === undefined ? undefined : fromGoJson('LinuxContainerResources', member);
  return { overhead: read(json.Overhead), resources: read(json.Resources) };
}
