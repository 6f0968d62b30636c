import { jsonPieces } from '../../base/json/json-pieces';
import { inTurns } from '../../base/work/pieces';
import { type Container, containerState } from '../../model/container';
import type { Call } from '../../rpc/call';
import { containerConfigJson } from '../../state/records';
import type { CriDeps } from '../deps';
import { removeListedContainer } from './remove-container';

/** What makes two requests for a container the same request. What we found out about its image volumes is no part of it. */
export async function containerFingerprint({ metadata }: Container): Promise<string> {
  const mounts = metadata.config.mounts.map((mount) =>
    mount.image ? { ...mount, image: { ...mount.image, imageRef: '' } } : mount,
  );
  const config = await inTurns(containerConfigJson({ ...metadata.config, mounts }));
  const bytes = await inTurns(jsonPieces([metadata.sandboxId, config]));
  return bytes.toString('latin1');
}

/**
 * The id of the container that an earlier call with the same name and configuration made, if it lives. One that has ended
 * is removed first, and then there is none. One made by another configuration keeps its name.
 */
export async function existingContainer(
  deps: CriDeps,
  wanted: Container,
  fingerprint: string,
  call: Call,
): Promise<string | undefined> {
  const owner = deps.names.owner(wanted.metadata.name);
  const found = owner === undefined ? undefined : deps.containers.get(owner);
  if (!found) return undefined;
  const state = containerState(found.status);
  if (state === 'EXITED' || state === 'UNKNOWN') {
    await removeListedContainer(deps, found, call);
    return undefined;
  }
  const isSame = (await containerFingerprint(found)) === fingerprint;
  return isSame && deps.containers.get(found.metadata.id) === found ? found.metadata.id : undefined;
}
