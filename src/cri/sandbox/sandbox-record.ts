import type { Any } from '../../model/any';
import type { RuntimeHandler } from '../../model/runtime-handler';
import type { Sandbox } from '../../model/sandbox';
import { KIND_SANDBOX, recordLabels } from '../../state/labels';
import { sandboxMetadataExtension } from '../../state/records';
import type { CriDeps } from '../deps';

type Deps = Pick<CriDeps, 'containerd' | 'daemon'>;

/** Which part of the daemon owns the pod, as the plugin writes it; ours are made of containers and tasks. */
const SANDBOXER = 'podsandbox';
const METADATA_KEY = 'metadata';

/** Creates the pod's record, with its network and the spec of its pause container, in the daemon's sandbox store (2.x). */
export async function storeSandbox(
  deps: Deps,
  sandbox: Sandbox,
  handler: RuntimeHandler,
  { spec, signal }: { spec: Any; signal: AbortSignal },
): Promise<void> {
  if (!deps.daemon.features.sandboxStore) return;
  const { metadata } = sandbox;
  await deps.containerd.sandboxStore.create(
    {
      id: metadata.id,
      runtime: { name: handler.runtimeType, options: handler.options },
      sandboxer: SANDBOXER,
      spec,
      labels: {
        ...recordLabels({ image: {}, cri: metadata.config.labels, kind: KIND_SANDBOX }),
        oci_runtime_type: handler.runtimeType,
      },
      extensions: { [METADATA_KEY]: sandboxMetadataExtension(metadata) },
    },
    { signal },
  );
}

/** Writes the pod's metadata again, with its network, and the spec of its pause container. */
export async function updateSandboxRecord(
  deps: Deps,
  sandbox: Sandbox,
  change: { spec?: Any; signal: AbortSignal },
): Promise<void> {
  if (!deps.daemon.features.sandboxStore) return;
  const { metadata } = sandbox;
  const { spec, signal } = change;
  await deps.containerd.sandboxStore.update(
    { id: metadata.id, spec, extensions: { [METADATA_KEY]: sandboxMetadataExtension(metadata) } },
    [`extensions.${METADATA_KEY}`, ...(spec ? ['spec'] : [])],
    { signal },
  );
}

/** Afterwards the store has no record of `id`. */
export async function deleteSandboxRecord(deps: Deps, id: string, signal: AbortSignal): Promise<void> {
  if (deps.daemon.features.sandboxStore) await deps.containerd.sandboxStore.delete(id, { signal });
}
