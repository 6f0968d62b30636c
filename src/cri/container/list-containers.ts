import type { ContainerFilter, ListContainersRequest } from '../../../generated/cri/v1/api';
import type { Container } from '../../model/container';
import { EncodedMessage } from '../../rpc/service';
import { toCriContainerState } from '../../state/cri-shapes';
import { labelMatcher, matchesId } from '../../state/filters';
import type { CriDeps } from '../deps';

/** Every container that matches the filter, from memory: no shim and no daemon is asked. */
export async function listContainers(
  deps: Pick<CriDeps, 'containers'>,
  req: ListContainersRequest,
): Promise<EncodedMessage> {
  return new EncodedMessage(...(await deps.containers.encoded.answer(matchingContainers(deps, req.filter))));
}

/** The containers that a filter lets through; its parts are ANDed. */
export function matchingContainers(
  deps: Pick<CriDeps, 'containers'>,
  filter: ContainerFilter | undefined,
): Container[] {
  const hasLabels = labelMatcher(filter?.labelSelector);
  return deps.containers
    .list()
    .filter(
      (container) =>
        matchesId(container.metadata.id, filter?.id) &&
        matchesId(container.metadata.sandboxId, filter?.podSandboxId) &&
        (filter?.state === undefined || toCriContainerState(container) === filter.state.state) &&
        hasLabels(container.metadata.config.labels),
    );
}
