import type { StreamPodSandboxStatsRequest } from '../../../generated/cri/v1/api';
import type { Call } from '../../rpc/call';
import type { EncodedMessage } from '../../rpc/service';
import { batches } from '../batches';
import type { CriDeps } from '../deps';
import { matchingPodStats } from './list-pod-sandbox-stats';
import { StatsAnswers } from './stats-answers';

/** ListPodSandboxStats in batches, for nodes whose list is too long for one message. */
export async function* streamPodSandboxStats(
  deps: CriDeps,
  req: StreamPodSandboxStatsRequest,
  _call: Call,
  answers = new StatsAnswers(),
): AsyncIterable<EncodedMessage> {
  const all = await matchingPodStats(deps, req.filter);
  yield* batches(all, async (item) => Buffer.concat((await answers.ofPods([item])).parts));
}
