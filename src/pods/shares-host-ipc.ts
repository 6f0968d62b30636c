import { NamespaceMode } from '../../generated/cri/v1/api';
import type { SandboxMetadata } from '../model/sandbox';

/** True when the pod is in the node's IPC namespace, and so has its /dev/shm. */
export function sharesHostIpc(config: SandboxMetadata['config']): boolean {
  return config.linux?.securityContext?.namespaceOptions?.ipc === NamespaceMode.NODE;
}
