import type {
  Container,
  ContainerFilter,
  ListContainersRequest,
  ListContainersResponse,
} from '../../../generated/cri/v1/api';
import { toCriContainer } from '../../state/cri-shapes';
import { matchesId, matchesLabels } from '../../state/filters';
import type { CriDeps } from '../deps';

/** Every container that matches the filter, from memory: no shim and no daemon is asked. */
export async function listContainers(
  deps: Pick<CriDeps, 'containers'>,
  req: ListContainersRequest,
): Promise<ListContainersResponse> {
  return { containers: matchingContainers(deps, req.filter) };
}

/** The containers that a filter lets through; its parts are ANDed. */
export function matchingContainers(
  deps: Pick<CriDeps, 'containers'>,
  filter: ContainerFilter | undefined,
): Container[] {
  return deps.containers
    .list()
    .map(toCriContainer)
    .filter(
      (container) =>
        matchesId(container.id, filter?.id) &&
        matchesId(container.podSandboxId, filter?.podSandboxId) &&
        (filter?.state === undefined || container.state === filter.state.state) &&
        matchesLabels(container.labels, filter?.labelSelector),
    );
}
