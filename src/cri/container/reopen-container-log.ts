import type { ReopenContainerLogRequest, ReopenContainerLogResponse } from '../../../generated/cri/v1/api';
import { containerState } from '../../model/container';
import type { CriDeps } from '../deps';
import { notReady } from '../errors';
import { requireContainer } from '../require';

/** Opens the log file anew after kubelet has renamed it. Afterwards whole lines go to the new file. */
export async function reopenContainerLog(
  deps: Pick<CriDeps, 'containers' | 'stdio'>,
  req: ReopenContainerLogRequest,
): Promise<ReopenContainerLogResponse> {
  const container = requireContainer(deps, req.containerId);
  const { id, logPath } = container.metadata;
  if (containerState(container.status) !== 'RUNNING') throw notReady(`container "${id}" does not run`);
  if (logPath !== '') await deps.stdio.reopen(id, logPath);
  return {};
}
