import { type IDMapping, NamespaceMode, type UserNamespace } from '../../../generated/cri/v1/api';
import type { SpecIdMapping } from '../../model/spec';
import { OciError } from '../oci-error';

const FIELD = 'config.linux.security_context.namespace_options.userns_options';
const IDS = 2 ** 32;

/** The one mapping line for users and the one for groups. */
export interface UsernsMappings {
  readonly uids: SpecIdMapping[];
  readonly gids: SpecIdMapping[];
}

/** CRI's mappings in the spec's words. */
export function idMappings(mappings: readonly IDMapping[]): SpecIdMapping[] {
  return mappings.map(({ containerId, hostId, length }) => ({
    containerID: containerId,
    hostID: hostId,
    size: length,
  }));
}

/** Throws an OciError for a mapping of no ids, or of ids that no kernel has. */
export function checkMappings(mappings: readonly IDMapping[], field: string): void {
  mappings.forEach(({ containerId, hostId, length }, i) => {
    if (length === 0) throw new OciError(`${field}[${i}].length`, 'is 0');
    if (hostId + length > IDS || containerId + length > IDS)
      throw new OciError(`${field}[${i}]`, 'goes beyond the last id');
  });
}

function oneLine(mappings: readonly IDMapping[], field: string): SpecIdMapping[] {
  const [line, ...rest] = mappings;
  if (!line || rest.length > 0) throw new OciError(field, `has ${mappings.length} mappings, one is needed`);
  checkMappings(mappings, field);
  if (line.containerId !== 0) throw new OciError(`${field}[0].container_id`, 'must be 0: root has to be mapped');
  return idMappings(mappings);
}

/** The pod's user namespace, checked; undefined when it has none of its own. Only POD and NODE exist. */
export function usernsMappings(options: UserNamespace | undefined): UsernsMappings | undefined {
  if (!options) return undefined;
  if (options.mode === NamespaceMode.NODE) {
    if (options.uids.length > 0)
      throw new OciError(`${FIELD}.uids`, "has mappings, but the mode is the node's namespace");
    if (options.gids.length > 0)
      throw new OciError(`${FIELD}.gids`, "has mappings, but the mode is the node's namespace");
    return undefined;
  }
  if (options.mode !== NamespaceMode.POD) {
    throw new OciError(
      `${FIELD}.mode`,
      `${NamespaceMode[options.mode] ?? options.mode} is not offered for user namespaces`,
    );
  }
  return { uids: oneLine(options.uids, `${FIELD}.uids`), gids: oneLine(options.gids, `${FIELD}.gids`) };
}

/** A container's user namespace; it must be its pod's. */
export function containerUserns(
  pod: UserNamespace | undefined,
  container: UserNamespace | undefined,
): UsernsMappings | undefined {
  const ofPod = usernsMappings(pod);
  const own = usernsMappings(container);
  if (JSON.stringify(ofPod) !== JSON.stringify(own)) throw new OciError(FIELD, "differs from the pod's");
  return own;
}
