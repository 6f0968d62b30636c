import { type StreamContainerStatsRequest, StreamContainerStatsResponse } from '../../../generated/cri/v1/api';
import type { Call } from '../../rpc/call';
import type { EncodedMessage } from '../../rpc/service';
import { batches } from '../batches';
import type { CriDeps } from '../deps';
import { matchingStats } from './list-container-stats';

/** ListContainerStats in batches, for nodes whose list is too long for one message. */
export async function* streamContainerStats(
  deps: CriDeps,
  req: StreamContainerStatsRequest,
  _call: Call,
): AsyncIterable<EncodedMessage> {
  yield* batches(await matchingStats(deps, req.filter), (item) =>
    StreamContainerStatsResponse.encode({ containerStats: [item] }).finish(),
  );
}
