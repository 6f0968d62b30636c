import { type StreamPodSandboxMetricsRequest, StreamPodSandboxMetricsResponse } from '../../../generated/cri/v1/api';
import type { Call } from '../../rpc/call';
import type { EncodedMessage } from '../../rpc/service';
import { batches } from '../batches';
import type { CriDeps } from '../deps';
import { allPodMetrics } from './list-pod-sandbox-metrics';

/** ListPodSandboxMetrics in batches, for nodes whose list is too long for one message. */
export async function* streamPodSandboxMetrics(
  deps: CriDeps,
  _req: StreamPodSandboxMetricsRequest,
  _call: Call,
): AsyncIterable<EncodedMessage> {
  yield* batches(await allPodMetrics(deps), (item) =>
    StreamPodSandboxMetricsResponse.encode({ podSandboxMetrics: [item] }).finish(),
  );
}
