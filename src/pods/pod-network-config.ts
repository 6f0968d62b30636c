import { NamespaceMode, Protocol } from '../../generated/cri/v1/api';
import type { PodNetworkConfig, PortMapping } from '../model/network';
import type { SandboxMetadata } from '../model/sandbox';

const PROTOCOLS: Record<number, PortMapping['protocol']> = {
  [Protocol.TCP]: 'tcp',
  [Protocol.UDP]: 'udp',
  [Protocol.SCTP]: 'sctp',
};

/** True when the pod has a network namespace of its own. */
export function hasPodNetwork(config: SandboxMetadata['config']): boolean {
  return config.linux?.securityContext?.namespaceOptions?.network !== NamespaceMode.NODE;
}

/** What CNI is told about a pod. A mapping without a host port maps nothing and is left out. */
export function podNetworkConfig(sandbox: SandboxMetadata): PodNetworkConfig {
  const { id, config, netnsPath } = sandbox;
  return {
    sandboxId: id,
    name: config.metadata?.name ?? '',
    namespace: config.metadata?.namespace ?? '',
    uid: config.metadata?.uid ?? '',
    netnsPath,
    annotations: config.annotations,
    portMappings: config.portMappings
      .filter((mapping) => mapping.hostPort > 0)
      .map((mapping) => ({
        protocol: PROTOCOLS[mapping.protocol] ?? 'tcp',
        hostPort: mapping.hostPort,
        containerPort: mapping.containerPort,
        hostIp: mapping.hostIp,
      })),
    dns: config.dnsConfig,
    cgroupPath: config.linux?.cgroupParent ?? '',
  };
}
