import { arch, version as nodeVersion, platform } from 'node:process';
import type { RuntimeCondition, RuntimeHandler, StatusRequest, StatusResponse } from '../../../generated/cri/v1/api';
import { errorMessage } from '../../base/errors';
import { stringifyJson } from '../../base/json/json';
import type { Call } from '../../rpc/call';
import type { CriDeps } from '../deps';
import { infoConfig } from './info-config';

/** kubelet asks every few seconds and must not wait for a daemon that hangs. */
const PROBE_TIMEOUT_MS = 2000;

/** Whether pods can run here, asked of containerd and CNI now, and what each handler can do. */
export async function status(deps: CriDeps, req: StatusRequest, call: Call): Promise<StatusResponse> {
  const [runtime, network, warnings, runtimeHandlers] = await Promise.all([
    runtimeReady(deps, call.signal),
    networkReady(deps),
    deprecations(deps, call.signal),
    handlersWithFeatures(deps),
  ]);
  return {
    status: { conditions: [runtime, network, ...warnings] },
    info: req.verbose ? verboseInfo(deps) : {},
    runtimeHandlers,
    features: {
      supplementalGroupsPolicy: true,
      // Wherever there are user namespaces, pods on the host's network can have them too.
      userNamespacesHostNetwork: runtimeHandlers.some(({ features }) => features?.userNamespaces),
      mountOptions: true,
    },
  };
}

async function runtimeReady(deps: CriDeps, signal: AbortSignal): Promise<RuntimeCondition> {
  const notReady = (message: string): RuntimeCondition => ({
    type: 'RuntimeReady',
    status: false,
    reason: 'ContainerdNotReady',
    message,
  });
  try {
    await deps.containerd.version.version({ signal, timeoutMs: PROBE_TIMEOUT_MS });
  } catch (error) {
    return notReady(errorMessage(error));
  }
  if (deps.readiness.problem !== '') return notReady(deps.readiness.problem);
  return { type: 'RuntimeReady', status: true, reason: '', message: '' };
}

/** What the daemon says will go away; no condition where it cannot be asked. */
async function deprecations(deps: CriDeps, signal: AbortSignal): Promise<RuntimeCondition[]> {
  const server = await deps.containerd.introspection
    .server({ signal, timeoutMs: PROBE_TIMEOUT_MS })
    .catch(() => undefined);
  if (!server) return [];
  const type = 'ContainerdHasNoDeprecationWarnings';
  const ignored = new Set(deps.config.ignore_deprecation_warnings);
  const warnings = server.deprecations.filter(({ id }) => !ignored.has(id)).map(({ id, message }) => [id, message]);
  if (warnings.length === 0) return [{ type, status: true, reason: '', message: '' }];
  const message = stringifyJson(Object.fromEntries(warnings));
  return [{ type, status: false, reason: 'ContainerdHasDeprecationWarnings', message }];
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
  const { handlers, networksOf } = deps;
  const networks = networksOf(handlers.default);
  const loads = handlers.all.map((handler) => [
    `lastCNILoadStatus.${handler.name}`,
    networksOf(handler).lastLoadStatus(),
  ]);
  return {
    config: stringifyJson(infoConfig(deps.config)),
    cniconfig: stringifyJson(networks.configJson()),
    lastCNILoadStatus: networks.lastLoadStatus(),
    ...Object.fromEntries(loads),
    ...(deps.retries.pending.length > 0 && { pending: stringifyJson(deps.retries.pending) }),
    node: stringifyJson(`${nodeVersion} ${platform}/${arch}`),
  };
}
