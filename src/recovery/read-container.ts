import { inTurns } from '../base/work/pieces';
import type { ContainerRecord } from '../containerd/containers';
import type { Container, ContainerMetadata } from '../model/container';
import type { Spec } from '../model/spec';
import { partialContainerMetadata } from '../state/partial-metadata';
import { CONTAINER_EXTENSION, parseContainerMetadata } from '../state/records';
import type { RecoverDeps } from './recover-deps';

/** What is known of a container; with `unreadable` that is not all. */
export interface ReadContainer {
  readonly metadata: ContainerMetadata;
  readonly unreadable?: string;
}

/** A container's metadata from its record, which has the only copy. */
export async function readContainer(
  deps: Pick<RecoverDeps, 'images'>,
  record: ContainerRecord,
): Promise<ReadContainer> {
  const extension = record.extensions[CONTAINER_EXTENSION];
  const metadata = extension && (await inTurns(parseContainerMetadata(extension.value)));
  if (metadata?.id === record.id) return { metadata };
  const imageRef = deps.images.find(record.image)?.id ?? '';
  return {
    metadata: partialContainerMetadata(record, imageRef),
    unreadable: 'its record in containerd cannot be read',
  };
}

/** Who its first process runs as; undefined when its OCI spec does not say, or cannot be read. */
export function userOf(spec: Spec | undefined): Container['user'] {
  const user = spec?.process?.user;
  if (!user) return undefined;
  const { uid, gid, additionalGids = [] } = user;
  return { uid, gid, additionalGids };
}
