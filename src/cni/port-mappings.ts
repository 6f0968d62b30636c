import type { PortMapping } from '../model/network';
import type { JsonObject } from './json-value';

/** The `portMappings` argument; a mapping without a host port asks for nothing. `hostIP` is written even when empty. */
export function portMappings(mappings: readonly PortMapping[]): JsonObject[] {
  return mappings
    .filter(({ hostPort }) => hostPort > 0)
    .map(({ hostPort, containerPort, protocol, hostIp }) => ({ hostPort, containerPort, protocol, hostIP: hostIp }));
}
