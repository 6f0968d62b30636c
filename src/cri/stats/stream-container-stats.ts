import type { StreamContainerStatsRequest, StreamContainerStatsResponse } from '../../../generated/cri/v1/api';
import type { Call } from '../../rpc/call';
import { batches } from '../batches';
import type { CriDeps } from '../deps';
import { matchingStats } from './list-container-stats';

/** ListContainerStats in batches, for nodes whose list is too long for one message. */
export async function* streamContainerStats(
  deps: CriDeps,
  req: StreamContainerStatsRequest,
  _call: Call,
): AsyncIterable<StreamContainerStatsResponse> {
  yield* batches(await matchingStats(deps, req.filter), (containerStats) => ({ containerStats }));
}
