import type { ContainerStatusRequest, ContainerStatusResponse } from '../../../generated/cri/v1/api';
import { jsonPieces } from '../../base/json/json-pieces';
import { inTurns } from '../../base/work/pieces';
import type { Container } from '../../model/container';
import type { Call } from '../../rpc/call';
import { toCriContainerStatus } from '../../state/cri-shapes';
import { containerConfigJson } from '../../state/records';
import { handlerOfContainer } from '../../tasks/handler-of-container';
import type { CriDeps } from '../deps';
import { recordFacts } from '../record-facts';
import { requireContainer, requireReadableContainer } from '../require';

/** One container, from memory; with `verbose` also its record in containerd. */
export async function containerStatus(
  deps: CriDeps,
  req: ContainerStatusRequest,
  call: Call,
): Promise<ContainerStatusResponse> {
  const container = requireContainer(deps, req.containerId);
  requireReadableContainer(deps, container);
  return {
    status: toCriContainerStatus(container, deps.namesOfImage),
    info: req.verbose ? { info: await verboseInfo(deps, container, call.signal) } : {},
  };
}

/** The keys that crictl shows and agents read (`pid`, `runtimeSpec`, …). */
async function verboseInfo(deps: CriDeps, container: Container, signal: AbortSignal): Promise<string> {
  const { metadata, status } = container;
  const record = await recordFacts(deps, metadata.id, signal);
  const handler = handlerOfContainer(deps, container);
  const info = {
    sandboxID: metadata.sandboxId,
    pid: status.pid,
    removing: container.busy === 'removing',
    ...(container.doubt !== undefined && { doubt: container.doubt }),
    snapshotKey: record.snapshotKey,
    snapshotter: record.snapshotter,
    runtimeType: handler.runtimeType,
    runtimeOptions: handler.optionsTable,
    config: await inTurns(containerConfigJson(metadata.config)),
    runtimeSpec: record.spec,
  };
  return (await inTurns(jsonPieces(info))).toString();
}
