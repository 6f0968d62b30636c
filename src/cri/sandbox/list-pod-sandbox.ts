import type {
  ListPodSandboxRequest,
  ListPodSandboxResponse,
  PodSandbox,
  PodSandboxFilter,
} from '../../../generated/cri/v1/api';
import { toCriSandbox } from '../../state/cri-shapes';
import { matchesId, matchesLabels } from '../../state/filters';
import type { CriDeps } from '../deps';

/** Every pod that matches the filter, from memory: no shim and no daemon is asked. */
export async function listPodSandbox(
  deps: Pick<CriDeps, 'sandboxes'>,
  req: ListPodSandboxRequest,
): Promise<ListPodSandboxResponse> {
  return { items: matchingSandboxes(deps, req.filter) };
}

/** The pods that a filter lets through; its parts are ANDed. */
export function matchingSandboxes(
  deps: Pick<CriDeps, 'sandboxes'>,
  filter: PodSandboxFilter | undefined,
): PodSandbox[] {
  return deps.sandboxes
    .list()
    .map(toCriSandbox)
    .filter(
      (pod) =>
        matchesId(pod.id, filter?.id) &&
        (filter?.state === undefined || pod.state === filter.state.state) &&
        matchesLabels(pod.labels, filter?.labelSelector),
    );
}
