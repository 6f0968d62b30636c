import { NamespaceMode } from '../../../generated/cri/v1/api';
import type { RuntimeHandler } from '../../model/runtime-handler';
import type { Sandbox } from '../../model/sandbox';
import { needsInfra } from '../../pods/infra';
import { sandboxName } from '../../state/name-index';
import type { CriDeps } from '../deps';
import { invalid } from '../errors';
import type { NamedSandboxConfig } from '../require';

/** The handler a request names; the empty name is the default. */
export function requireHandler(deps: Pick<CriDeps, 'handlers'>, name: string): RuntimeHandler {
  const handler = deps.handlers.find(name);
  if (!handler) throw invalid('runtime_handler', `no runtime "${name}" is configured`);
  return handler;
}

/** Refuses a pod that asks for a user namespace where its handler cannot give one; says which part is missing. */
export async function requireSupportedUserns(
  deps: Pick<CriDeps, 'features'>,
  handler: RuntimeHandler,
  config: NamedSandboxConfig,
): Promise<void> {
  const userns = config.linux?.securityContext?.namespaceOptions?.usernsOptions;
  if (!userns || userns.mode === NamespaceMode.NODE) return;
  const field = 'config.linux.security_context.namespace_options.userns_options';
  if (userns.mode !== NamespaceMode.POD) throw invalid(`${field}.mode`, 'must be POD or NODE');
  const missing = (await deps.features.of(handler)).usernsMissing;
  if (missing) throw invalid(field, `runtime "${handler.name}" cannot give user namespaces: ${missing}`);
}

/** A sandbox that is being made: nothing of it exists yet. */
export function newSandbox(
  id: string,
  config: NamedSandboxConfig,
  { name, handler }: { name: string; handler: RuntimeHandler },
): Sandbox {
  return {
    withoutInfra: !needsInfra(config, handler),
    metadata: {
      id,
      name: sandboxName(config.metadata),
      config,
      runtimeHandler: name,
      netnsPath: '',
      ip: '',
      additionalIps: [],
      processLabel: '',
    },
    status: {
      state: 'NOTREADY',
      pid: 0,
      createdAt: BigInt(Date.now()) * 1_000_000n,
      exitedAt: 0n,
      exitStatus: 0,
    },
  };
}
