import { jsonPieces } from '../../base/json/json-pieces';
import type { Pieces } from '../../base/work/pieces';
import type { ContainerRecord } from '../../containerd/containers';
import type { Container, ContainerStatus } from '../../model/container';
import type { Image } from '../../model/image';
import type { Sandbox } from '../../model/sandbox';
import { containerSpec } from '../../oci/container-spec';
import type { ContainerSpecInput } from '../../oci/inputs';
import { signalName } from '../../oci/process/signal';
import { resourcesOf } from '../../oci/resources/resources';
import { KIND_CONTAINER, recordLabels } from '../../state/labels';
import { containerName } from '../../state/name-index';
import { CONTAINER_EXTENSION, containerMetadataExtension } from '../../state/records';
import type { CriDeps } from '../deps';
import { invalid } from '../errors';
import { imageNames } from '../image/cri-image';
import type { NamedContainerConfig } from '../require';
import { SPEC_TYPE_URL } from '../type-urls';

/** A container that is being made: nothing of it exists yet. */
export function newContainer(what: {
  id: string;
  sandbox: Sandbox;
  config: NamedContainerConfig;
  image: Image;
  logPath: string;
  snapshotter: string;
}): Container {
  const { id, sandbox, config, image, logPath, snapshotter } = what;
  const pod = sandbox.metadata.config.metadata;
  if (!pod) throw invalid('sandbox_config.metadata', 'is missing');
  return {
    metadata: {
      id,
      name: containerName(config.metadata, pod),
      sandboxId: sandbox.metadata.id,
      config,
      imageRef: image.id,
      imageDigest: image.target.digest,
      imageName: imageNames(image).image,
      logPath,
      stopSignal: signalName(config.stopSignal) || image.config.stopSignal,
      processLabel: '',
    },
    status: {
      pid: 0,
      createdAt: BigInt(Date.now()) * 1_000_000n,
      startedAt: 0n,
      finishedAt: 0n,
      exitCode: 0,
      reason: '',
      message: '',
      unknown: false,
    },
    snapshotter,
  };
}

/** What is written to containerd for a container, and what we remember of it. */
export interface MadeContainer {
  readonly container: Container;
  readonly record: Omit<ContainerRecord, 'createdAt' | 'updatedAt'>;
}

/** Derives record and status from the inputs; makes nothing. Throws OciError for what cannot be given. */
export function* containerRecord(
  deps: Pick<CriDeps, 'daemon'>,
  draft: Container,
  inputs: ContainerSpecInput & { image: Image; imageVolumes: ReadonlyMap<string, string> },
): Pieces<MadeContainer> {
  const spec = yield* containerSpec(inputs);
  const { id, sandboxId } = draft.metadata;
  const { image, handler } = inputs;
  const metadata = { ...draft.metadata, config: withVolumeImages(draft.metadata.config, inputs.imageVolumes) };
  const status: ContainerStatus = { ...draft.status, resources: { linux: resourcesOf(spec) } };
  const value = yield* jsonPieces(spec);
  const extension = yield* containerMetadataExtension(metadata);
  const { uid = 0, gid = 0, additionalGids = [] } = spec.process?.user ?? {};
  return {
    container: { ...draft, metadata, status, user: { uid, gid, additionalGids }, process: spec.process },
    record: {
      id,
      image: metadata.imageName,
      runtime: { name: handler.runtimeType, options: handler.options },
      spec: { typeUrl: SPEC_TYPE_URL, value },
      snapshotter: draft.snapshotter,
      snapshotKey: id,
      labels: recordLabels({ image: image.config.labels, cri: metadata.config.labels, kind: KIND_CONTAINER }),
      extensions: { [CONTAINER_EXTENSION]: extension },
      // Known to the store, so that its shim is found there; 1.x has no such store and groups by annotation alone.
      // Nor a pod without a pause task: the daemon would look for a shim by the pod's id.
      sandboxId: deps.daemon.features.sandboxStore && !inputs.sandbox.pins ? sandboxId : '',
    },
  };
}

/** An image volume's status says which image it was resolved to (KEP-5365). */
function withVolumeImages(
  config: Container['metadata']['config'],
  imageIds: ReadonlyMap<string, string>,
): Container['metadata']['config'] {
  if (imageIds.size === 0) return config;
  const mounts = config.mounts.map((mount) => {
    const imageRef = imageIds.get(mount.containerPath);
    return mount.image && imageRef ? { ...mount, image: { ...mount.image, imageRef } } : mount;
  });
  return { ...config, mounts };
}
