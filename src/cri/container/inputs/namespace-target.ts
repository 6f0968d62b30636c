import { type ContainerConfig, NamespaceMode } from '../../../../generated/cri/v1/api';
import { containerState } from '../../../model/container';
import type { CriDeps } from '../../deps';
import { invalid, notReady } from '../../errors';

const FIELD = 'config.linux.security_context.namespace_options.target_id';

/**
 * Pid of the process whose PID namespace a container joins in TARGET mode; undefined in any other mode. The target must
 * be of the same pod and run, at create and again at start.
 */
export function requireTargetRuns(
  deps: Pick<CriDeps, 'containers'>,
  config: ContainerConfig,
  sandboxId: string,
): number | undefined {
  const options = config.linux?.securityContext?.namespaceOptions;
  if (options?.pid !== NamespaceMode.TARGET) return undefined;
  const target = deps.containers.find(options.targetId);
  if (!target) throw invalid(FIELD, `there is no container "${options.targetId}"`);
  if (target.metadata.sandboxId !== sandboxId)
    throw invalid(FIELD, `container "${options.targetId}" is of another pod`);
  if (containerState(target.status) !== 'RUNNING')
    throw notReady(`target container "${options.targetId}" does not run`);
  return target.status.pid;
}
