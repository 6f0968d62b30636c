import { isIP } from 'node:net';
import { type PortMapping, Protocol } from '../../../generated/cri/v1/api';
import { capabilityArgs, cniArgs } from '../../cni/capability-args';
import type { SandboxMetadata } from '../../model/sandbox';
import { hasPodNetwork, podNetworkConfig } from '../../pods/pod-network-config';
import { invalid } from '../errors';

const LAST_PORT = 65_535;

/**
 * Refuses what no CNI plugin could be told or could set up: names, bandwidths and port mappings. On the node's network CNI
 * hears nothing of them, and a mapping without a host port asks for nothing.
 */
export function checkPodNetwork(metadata: SandboxMetadata): void {
  const { config } = metadata;
  if (!hasPodNetwork(config)) return;
  config.portMappings.forEach(checkMapping);
  const asked = podNetworkConfig(metadata);
  cniArgs(asked);
  capabilityArgs(asked);
}

function checkMapping({ hostPort, containerPort, protocol, hostIp }: PortMapping, index: number): void {
  const field = `config.port_mappings[${index}]`;
  if (hostPort <= 0) return;
  checkPort(hostPort, `${field}.host_port`);
  checkPort(containerPort, `${field}.container_port`);
  if (![Protocol.TCP, Protocol.UDP, Protocol.SCTP].includes(protocol)) {
    throw invalid(`${field}.protocol`, `${protocol} is not a protocol`);
  }
  if (hostIp !== '' && !isAddress(hostIp)) throw invalid(`${field}.host_ip`, `"${hostIp}" is not an IP address`);
}

function checkPort(port: number, field: string): void {
  if (port < 1 || port > LAST_PORT) throw invalid(field, `${port} is not between 1 and ${LAST_PORT}`);
}

/** Kubernetes keeps old objects whose IPv4 addresses have leading zeros. */
function isAddress(text: string): boolean {
  return isIP(text.replace(/(^|\.)0+(?=\d)/g, '$1')) !== 0;
}
