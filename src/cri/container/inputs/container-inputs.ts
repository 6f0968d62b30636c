import { unlessAborted } from '../../../base/wait/deadline';
import type { Image } from '../../../model/image';
import type { SpecUser } from '../../../model/spec';
import type { ContainerSpecInput } from '../../../oci/inputs';
import { resolveUser } from '../../../oci/process/user';
import { wantsHostDevices } from '../../../oci/resources/devices';
import { podPins } from '../../../pods/infra';
import { baseSpecOf } from '../../base-spec-file';
import type { CriDeps } from '../../deps';
import { ownFiles, sandboxFilePaths } from '../../sandbox/sandbox-parts';
import { containerSeccompProfile } from '../../seccomp-profile';
import { labelMounts, specLabels } from '../../selinux';
import { requireApparmor } from './apparmor';
import { resolveCdi } from './cdi-devices';
import type { ContainerRequest } from './container-request';
import { copyVolumes } from './image-declared-volumes';
import { resolveClasses } from './resolve-classes';
import { resolveDevices } from './resolve-devices';
import { resolveMounts } from './resolve-mounts';

export type ContainerInputs = ContainerSpecInput & { image: Image; imageVolumes: ReadonlyMap<string, string> };

/** Gathers from host and daemon all that the spec of a container is made from. What it makes lies in the container's own directories. */
export async function containerInputs(deps: CriDeps, request: ContainerRequest): Promise<ContainerInputs> {
  const { draft, sandbox, config, image, handler, volumes } = request;
  const { id, processLabel } = draft.metadata;
  const privileged = config.linux?.securityContext?.privileged ?? false;
  const sandboxConfig = sandbox.metadata.config;
  await requireApparmor(deps, config);
  const base = await baseSpecOf(handler);
  const [mounts, devices, user, cdi, seccompProfile, features, classes] = await Promise.all([
    resolveMounts(deps, config, volumes),
    resolveDevices(deps, config),
    containerUser(deps, request, base?.process?.user),
    resolveCdi(deps, config),
    containerSeccompProfile(deps, config),
    deps.features.of(handler),
    resolveClasses(deps, config, sandboxConfig),
  ]);
  const copies = await copyVolumes(deps, request);
  const files = ownFiles(deps, sandbox);
  await labelMounts(deps, { sandbox, processLabel, mounts, volumes: copies, files, signal: request.signal });
  return {
    id,
    sandbox: {
      id: sandbox.metadata.id,
      pid: sandbox.status.pid,
      pins: sandbox.withoutInfra ? podPins(deps.paths, sandbox.metadata) : undefined,
      shimGroup: sandbox.shimGroup,
      files: sandboxFilePaths(deps, sandbox),
    },
    config,
    sandboxConfig,
    image,
    imageName: config.image?.userSpecifiedImage || config.image?.image || image.id,
    handler,
    facts: deps.host.facts,
    settings: deps.config,
    features,
    user,
    mounts,
    volumes: copies,
    devices,
    hostDevices: wantsHostDevices(privileged, handler) ? await deps.host.allDevices() : undefined,
    cdi,
    base,
    seccompProfile,
    ...classes,
    targetPid: request.targetPid,
    labels: specLabels(deps, handler, processLabel),
    cgroupMountOptions: privileged && deps.host.facts.cgroup2 ? await deps.host.cgroupMountOptions() : undefined,
    imageVolumes: new Map([...volumes].map(([path, volume]) => [path, volume.imageId])),
  };
}

async function containerUser(deps: CriDeps, request: ContainerRequest, base: SpecUser | undefined): Promise<SpecUser> {
  const { config, image, handler, signal } = request;
  const files = await unlessAborted(deps.userFiles.of(image, handler.snapshotter), signal);
  return resolveUser({
    field: 'config.linux.security_context',
    securityContext: config.linux?.securityContext,
    imageUser: image.config.user,
    base,
    ...files,
  });
}
