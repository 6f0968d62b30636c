import type { VersionResponse } from '../../../generated/cri/v1/api';
import type { CriDeps } from '../deps';
import { runtimeVersion } from './runtime-version';

/** The version of the kubelet runtime API's Version answer, unchanged since 2016. */
const KUBELET_API_VERSION = '0.1.0';

/** Who answers. The name is part of every container id in a pod's status (`containerd://…`), so it stays what it was. containerd is not asked: kubelet needs an answer to start. */
export async function version(deps: Pick<CriDeps, 'config' | 'version' | 'daemon'>): Promise<VersionResponse> {
  return {
    version: KUBELET_API_VERSION,
    runtimeName: deps.config.runtime_name,
    runtimeVersion: runtimeVersion(deps.daemon.features.version, deps.version),
    runtimeApiVersion: 'v1',
  };
}
