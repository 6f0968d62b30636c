import type { StreamContainerStatsRequest } from '../../../generated/cri/v1/api';
import type { Call } from '../../rpc/call';
import type { EncodedMessage } from '../../rpc/service';
import { batches } from '../batches';
import type { CriDeps } from '../deps';
import { matchingStats } from './list-container-stats';
import { StatsAnswers } from './stats-answers';

/** ListContainerStats in batches, for nodes whose list is too long for one message. */
export async function* streamContainerStats(
  deps: CriDeps,
  req: StreamContainerStatsRequest,
  _call: Call,
  answers = new StatsAnswers(),
): AsyncIterable<EncodedMessage> {
  const all = await matchingStats(deps, req.filter);
  yield* batches(all, async (item) => Buffer.concat((await answers.ofContainers([item])).parts));
}
