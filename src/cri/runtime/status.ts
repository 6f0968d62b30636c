import { arch, version as nodeVersion, platform } from 'node:process';
import type { RuntimeCondition, RuntimeHandler, StatusRequest, StatusResponse } from '../../../generated/cri/v1/api';
import { errorMessage } from '../../base/errors';
import { stringifyJson } from '../../base/json';
import type { Call } from '../../rpc/call';
import type { CriDeps } from '../deps';

/** kubelet asks every few seconds and must not wait for a daemon that hangs. */
const PROBE_TIMEOUT_MS = 2000;

/** Whether pods can run here, asked of containerd and CNI now, and what each handler can do. */
export async function status(deps: CriDeps, req: StatusRequest, call: Call): Promise<StatusResponse> {
  const [runtime, network, runtimeHandlers] = await Promise.all([
    runtimeReady(deps, call.signal),
    networkReady(deps),
    handlersWithFeatures(deps),
  ]);
  return {
    status: { conditions: [runtime, network] },
    info: req.verbose ? verboseInfo(deps) : {},
    runtimeHandlers,
    features: { supplementalGroupsPolicy: true, userNamespacesHostNetwork: false, mountOptions: false },
  };
}

async function runtimeReady(deps: CriDeps, signal: AbortSignal): Promise<RuntimeCondition> {
  try {
    await deps.containerd.version.version({ signal, timeoutMs: PROBE_TIMEOUT_MS });
    return { type: 'RuntimeReady', status: true, reason: '', message: '' };
  } catch (error) {
    return { type: 'RuntimeReady', status: false, reason: 'ContainerdNotReady', message: errorMessage(error) };
  }
}

async function networkReady(deps: CriDeps): Promise<RuntimeCondition> {
  const { ready, reason, message } = await deps.networksOf(deps.handlers.default).status();
  return { type: 'NetworkReady', status: ready, reason, message };
}

/** One entry per handler, and one with the empty name for the default. */
async function handlersWithFeatures(deps: CriDeps): Promise<RuntimeHandler[]> {
  const named = [
    { name: '', handler: deps.handlers.default },
    ...deps.handlers.all.map((handler) => ({ name: handler.name, handler })),
  ];
  return Promise.all(
    named.map(async ({ name, handler }) => {
      const features = await deps.features.of(handler);
      return {
        name,
        features: {
          recursiveReadOnlyMounts: features.recursiveReadOnlyMounts,
          userNamespaces: features.usernsMissing === '',
        },
      };
    }),
  );
}

/** The keys that crictl info, kubeadm and others read. */
function verboseInfo(deps: CriDeps): Record<string, string> {
  const networks = deps.networksOf(deps.handlers.default);
  return {
    config: stringifyJson({
      ...deps.config,
      sandboxImage: deps.config.sandbox_image,
      containerd: containerdConfig(deps),
    }),
    cniconfig: stringifyJson(networks.configJson()),
    lastCNILoadStatus: networks.lastLoadStatus(),
    'lastCNILoadStatus.default': networks.lastLoadStatus(),
    node: `${nodeVersion} ${platform}/${arch}`,
  };
}

function containerdConfig(deps: CriDeps): unknown {
  const { default_runtime_name, snapshotter, runtimes } = deps.config.containerd;
  return { ...deps.config.containerd, defaultRuntimeName: default_runtime_name, snapshotter, runtimes };
}
