import { type StreamPodSandboxStatsRequest, StreamPodSandboxStatsResponse } from '../../../generated/cri/v1/api';
import type { Call } from '../../rpc/call';
import type { EncodedMessage } from '../../rpc/service';
import { batches } from '../batches';
import type { CriDeps } from '../deps';
import { matchingPodStats } from './list-pod-sandbox-stats';

/** ListPodSandboxStats in batches, for nodes whose list is too long for one message. */
export async function* streamPodSandboxStats(
  deps: CriDeps,
  req: StreamPodSandboxStatsRequest,
  _call: Call,
): AsyncIterable<EncodedMessage> {
  yield* batches(await matchingPodStats(deps, req.filter), (item) =>
    StreamPodSandboxStatsResponse.encode({ podSandboxStats: [item] }).finish(),
  );
}
