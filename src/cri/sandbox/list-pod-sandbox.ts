import type { ListPodSandboxRequest, PodSandboxFilter } from '../../../generated/cri/v1/api';
import type { Sandbox } from '../../model/sandbox';
import { EncodedMessage } from '../../rpc/service';
import { toCriSandboxState } from '../../state/cri-shapes';
import { labelMatcher, matchesId } from '../../state/filters';
import type { CriDeps } from '../deps';

/** Every pod that matches the filter, from memory: no shim and no daemon is asked. */
export async function listPodSandbox(
  deps: Pick<CriDeps, 'sandboxes'>,
  req: ListPodSandboxRequest,
): Promise<EncodedMessage> {
  return new EncodedMessage(...(await deps.sandboxes.encoded.answer(matchingSandboxes(deps, req.filter))));
}

/** The pods that a filter lets through; its parts are ANDed. */
export function matchingSandboxes(deps: Pick<CriDeps, 'sandboxes'>, filter: PodSandboxFilter | undefined): Sandbox[] {
  const hasLabels = labelMatcher(filter?.labelSelector);
  return deps.sandboxes
    .list()
    .filter(
      (sandbox) =>
        matchesId(sandbox.metadata.id, filter?.id) &&
        (filter?.state === undefined || toCriSandboxState(sandbox) === filter.state.state) &&
        hasLabels(sandbox.metadata.config.labels),
    );
}
