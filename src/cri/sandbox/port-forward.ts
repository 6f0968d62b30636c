import type { PortForwardRequest, PortForwardResponse } from '../../../generated/cri/v1/api';
import type { CriDeps } from '../deps';
import { invalid, notReady } from '../errors';
import { requireSandbox } from '../require';

/** Two channels for each port have to fit into the one byte that numbers them. */
const MOST_PORTS = 127;

/** Answers a URL behind which connections to the pod's ports are, for whoever dials it first, within a minute. */
export async function portForward(
  deps: Pick<CriDeps, 'sandboxes' | 'streaming'>,
  req: PortForwardRequest,
): Promise<PortForwardResponse> {
  const sandbox = requireSandbox(deps, req.podSandboxId, 'pod_sandbox_id');
  const { id } = sandbox.metadata;
  if (req.port.length > MOST_PORTS) throw invalid('port', `more than ${MOST_PORTS}`);
  for (const port of req.port) if (port < 1 || port > 65_535) throw invalid('port', `${port} is out of range`);
  if (sandbox.status.state !== 'READY') throw notReady(`pod sandbox "${id}" is not ready`);
  const request = { sandboxId: id, ports: req.port };
  return { url: deps.streaming.urlFor({ kind: 'portforward', request }) };
}
