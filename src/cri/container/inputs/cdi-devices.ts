import { CdiRegistry, cdiDeviceNames, cdiHostPaths, fillDeviceNodes } from '../../../oci/cdi/cdi';
import type { CdiEdits } from '../../../oci/inputs';
import type { CriDeps } from '../../deps';
import type { NamedContainerConfig } from '../../require';

/** What the CDI devices of a request change about its spec; nothing when it names none. Unknown ones are an error. */
export async function resolveCdi(
  deps: Pick<CriDeps, 'config' | 'cdiFiles' | 'host'>,
  config: Pick<NamedContainerConfig, 'CDIDevices' | 'annotations'>,
): Promise<CdiEdits | undefined> {
  const names = cdiDeviceNames(config.CDIDevices, config.annotations);
  if (names.length === 0 || !deps.config.enable_cdi) return undefined;
  const registry = CdiRegistry.parse(await deps.cdiFiles.read());
  deps.cdiFiles.report(registry.errors);
  const edits = registry.resolve(names);
  const found = await Promise.all(
    cdiHostPaths(edits).map(async ({ path, required }) => {
      const devices = deps.host.devicesAt(path);
      return required ? devices : devices.catch(() => []);
    }),
  );
  return fillDeviceNodes(edits, found.flat());
}
