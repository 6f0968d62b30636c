import { type StreamPodSandboxesRequest, StreamPodSandboxesResponse } from '../../../generated/cri/v1/api';
import type { EncodedMessage } from '../../rpc/service';
import { toCriSandbox } from '../../state/cri-shapes';
import { batches } from '../batches';
import type { CriDeps } from '../deps';
import { matchingSandboxes } from './list-pod-sandbox';

/** ListPodSandbox in batches, for nodes whose list is too long for one message. */
export async function* streamPodSandboxes(
  deps: Pick<CriDeps, 'sandboxes'>,
  req: StreamPodSandboxesRequest,
): AsyncIterable<EncodedMessage> {
  yield* batches(matchingSandboxes(deps, req.filter), (item) =>
    StreamPodSandboxesResponse.encode({ podSandboxes: [toCriSandbox(item)] }).finish(),
  );
}
