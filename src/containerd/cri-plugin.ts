import {
  IntrospectionDefinition,
  PluginsRequest,
  PluginsResponse,
} from '../../generated/containerd/services/introspection/v1/introspection';
import type { BareConnection } from '../rpc/client/bare-call';
import { methodPath } from '../rpc/codec';

/** containerd's own CRI, by the ids that releases give it: the gRPC service is the part that acts on pods. */
export const CRI_PLUGIN = 'type==io.containerd.grpc.v1,id==cri';

/** Whether the daemon runs its own CRI plugin. Rejects when it cannot be asked. */
export async function criPluginRuns(connection: BareConnection): Promise<boolean> {
  const request = PluginsRequest.encode({ filters: [CRI_PLUGIN] }).finish();
  const reply = await connection.call(
    methodPath(IntrospectionDefinition, IntrospectionDefinition.methods.plugins),
    request,
  );
  const { plugins } = PluginsResponse.decode(reply);
  return plugins.some(({ initErr }) => initErr === undefined);
}
