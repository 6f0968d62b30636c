import type { ResolvedDevice } from '../../../oci/inputs';
import type { CriDeps } from '../../deps';
import { invalid } from '../../errors';
import type { NamedContainerConfig } from '../../require';

/** What lies behind the host path of every device: one node, or all below a directory. */
export async function resolveDevices(
  deps: Pick<CriDeps, 'host'>,
  config: NamedContainerConfig,
): Promise<ResolvedDevice[]> {
  if (config.devices.length === 0) return [];
  const found = await deps.host.resolvePaths(config.devices.map(({ hostPath }) => ({ path: hostPath, create: false })));
  return Promise.all(
    config.devices.map(async (device, at): Promise<ResolvedDevice> => {
      const host = found[at];
      if (!host || host.kind === 'missing') {
        throw invalid(`config.devices[${at}].host_path`, `"${device.hostPath}" does not exist`);
      }
      return { device, hostPath: host.path, nodes: await deps.host.devicesAt(host.path) };
    }),
  );
}
