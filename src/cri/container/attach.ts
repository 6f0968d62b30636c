import type { AttachRequest, AttachResponse } from '../../../generated/cri/v1/api';
import type { CriDeps } from '../deps';
import { requireContainer } from '../require';
import { requireRunning } from './exec-process';
import { requireStreams } from './require-streams';

/** Answers a URL behind which the container's own streams are, for whoever dials it first, within a minute. */
export async function attach(
  deps: Pick<CriDeps, 'containers' | 'streaming'>,
  req: AttachRequest,
): Promise<AttachResponse> {
  const container = requireContainer(deps, req.containerId);
  const streams = requireStreams(req);
  requireRunning(container);
  const { id, sandboxId } = container.metadata;
  const request = { ...streams, containerId: id, sandboxId };
  return { url: deps.streaming.urlFor({ kind: 'attach', request }) };
}
