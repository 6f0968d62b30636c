import { stringifyJson } from '../../base/json/json';
import type { Sandbox } from '../../model/sandbox';
import type { Call } from '../../rpc/call';
import { sandboxConfigJson } from '../../state/records';
import type { CriDeps } from '../deps';
import { unavailable } from '../errors';
import { removeListedSandbox } from './remove-pod-sandbox';

/** What makes two requests for a sandbox the same request. */
export function sandboxFingerprint({ metadata }: Sandbox): string {
  return stringifyJson([metadata.runtimeHandler, sandboxConfigJson(metadata.config)]);
}

/**
 * The id of the sandbox that an earlier call with the same name and configuration made, if it is READY. One that is not is
 * removed first, and then there is none. One made by another configuration keeps its name: the caller cannot have it.
 * UNAVAILABLE while it is in doubt whether it runs: kubelet asks again.
 */
export async function existingSandbox(deps: CriDeps, wanted: Sandbox, call: Call): Promise<string | undefined> {
  const owner = deps.names.owner(wanted.metadata.name);
  const found = owner === undefined ? undefined : deps.sandboxes.get(owner);
  if (!found) return undefined;
  const { id } = found.metadata;
  if (found.doubt !== undefined)
    throw unavailable(`it is not known yet whether pod sandbox "${id}" runs: ${found.doubt}`);
  if (found.status.state !== 'READY') {
    await removeListedSandbox(deps, found, call);
    return undefined;
  }
  return sandboxFingerprint(found) === sandboxFingerprint(wanted) ? id : undefined;
}
