import type { ContainerEventResponse, GetEventsRequest } from '../../../generated/cri/v1/api';
import type { Call } from '../../rpc/call';
import type { CriDeps } from '../deps';

/** Every container event from now on, to each subscriber, until the caller goes. */
export function getContainerEvents(
  deps: Pick<CriDeps, 'events'>,
  _req: GetEventsRequest,
  call: Call,
): AsyncIterable<ContainerEventResponse> {
  return deps.events.subscribe(call.signal);
}
