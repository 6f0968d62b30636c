import { BadInputError } from '../host/bad-input';
import type { PodNetworkConfig } from '../model/network';
import { bandwidth } from './bandwidth';
import { isObject, type JsonObject } from './json-value';
import { portMappings } from './port-mappings';

/**
 * CNI_ARGS of a pod. They are joined with `;`, and a plugin reads each as `key=value`: a value with one of these, or with
 * a control character, would become an argument of its own. kubelet never sends one, other clients of the socket may.
 * Throws a BadInputError that names the field.
 */
export function cniArgs(pod: PodNetworkConfig): [string, string][] {
  return [
    ['IgnoreUnknown', '1'],
    ['K8S_POD_NAMESPACE', checked('config.metadata.namespace', pod.namespace)],
    ['K8S_POD_NAME', checked('config.metadata.name', pod.name)],
    ['K8S_POD_INFRA_CONTAINER_ID', checked('id', pod.sandboxId)],
    ['K8S_POD_UID', checked('config.metadata.uid', pod.uid)],
  ];
}

function checked(field: string, value: string): string {
  for (const character of value) {
    if (character === ';' || character === '=' || character < ' ' || character === '\x7f') {
      throw new BadInputError(
        `${field}: ${JSON.stringify(value)} has the character ${JSON.stringify(character)}, which CNI cannot carry`,
      );
    }
  }
  return value;
}

/** All that a pod asks of its networks, by capability. A plugin sees only what it declares (see `runtimeConfig`). */
export function capabilityArgs(pod: PodNetworkConfig): JsonObject {
  const ports = portMappings(pod.portMappings);
  const limits = bandwidth(pod.annotations);
  return {
    'io.kubernetes.cri.pod-annotations': pod.annotations,
    ...(ports.length > 0 ? { portMappings: ports } : {}),
    ...(limits ? { bandwidth: limits } : {}),
    ...(pod.dns ? { dns: { servers: pod.dns.servers, searches: pod.dns.searches, options: pod.dns.options } } : {}),
    ...(pod.cgroupPath ? { cgroupPath: pod.cgroupPath } : {}),
  };
}

/** The arguments whose capability a plugin's configuration switches on; undefined when there are none. */
export function runtimeConfig(conf: JsonObject, args: JsonObject): JsonObject | undefined {
  const { capabilities } = conf;
  if (!isObject(capabilities)) return undefined;
  const wanted = Object.entries(args).filter(
    ([name]) => Object.hasOwn(capabilities, name) && capabilities[name] === true,
  );
  return wanted.length > 0 ? Object.fromEntries(wanted) : undefined;
}
