import { type StreamContainersRequest, StreamContainersResponse } from '../../../generated/cri/v1/api';
import type { EncodedMessage } from '../../rpc/service';
import { toCriContainer } from '../../state/cri-shapes';
import { batches } from '../batches';
import type { CriDeps } from '../deps';
import { matchingContainers } from './list-containers';

/** ListContainers in batches, for nodes whose list is too long for one message. */
export async function* streamContainers(
  deps: Pick<CriDeps, 'containers'>,
  req: StreamContainersRequest,
): AsyncIterable<EncodedMessage> {
  yield* batches(matchingContainers(deps, req.filter), (item) =>
    StreamContainersResponse.encode({ containers: [toCriContainer(item)] }).finish(),
  );
}
