import type { ExecRequest, ExecResponse } from '../../../generated/cri/v1/api';
import type { CriDeps } from '../deps';
import { requireContainer } from '../require';
import { requireRunning } from './exec-process';
import { requireCommand } from './require-command';
import { requireStreams } from './require-streams';

/** Answers a URL behind which the command runs for whoever dials it first, within a minute. Nothing runs before. */
export async function exec(deps: Pick<CriDeps, 'containers' | 'streaming'>, req: ExecRequest): Promise<ExecResponse> {
  const container = requireContainer(deps, req.containerId);
  requireCommand(req.cmd);
  const streams = requireStreams(req);
  requireRunning(container);
  const { id, sandboxId } = container.metadata;
  const request = { ...streams, containerId: id, sandboxId, cmd: req.cmd };
  return { url: deps.streaming.urlFor({ kind: 'exec', request }) };
}
