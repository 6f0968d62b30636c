import { type ContainerConfig, type Mount, MountPropagation, NamespaceMode } from '../../generated/cri/v1/api';
import type { SpecIdMapping, SpecMount } from '../model/spec';
import { checkPath, checkPathInside } from './check-path';
import { checkImageMount, cleanPath, isImageMount } from './image-volumes';
import type { HandlerFeatures, ResolvedMount, ResolvedVolume, SandboxFiles } from './inputs';
import { OciError } from './oci-error';
import { checkMappings, idMappings, type UsernsMappings } from './process/userns';

/** Options of a mount that kubelet may ask for; others could undo what the mount is for. */
const MOUNT_OPTIONS = new Set(['noexec', 'nodev', 'nosuid']);

const PROPAGATION: Readonly<Record<number, string>> = {
  [MountPropagation.PROPAGATION_PRIVATE]: 'rprivate',
  [MountPropagation.PROPAGATION_HOST_TO_CONTAINER]: 'rslave',
  [MountPropagation.PROPAGATION_BIDIRECTIONAL]: 'rshared',
};

/** Checks all of a request's mounts that can be checked without looking at the host. */
export function checkMounts(mounts: readonly Mount[], features: HandlerFeatures): void {
  mounts.forEach((mount, i) => {
    const field = `config.mounts[${i}]`;
    if (!mount.containerPath) throw new OciError(`${field}.container_path`, 'is empty');
    checkPathInside(mount.containerPath, `${field}.container_path`);
    checkPath(mount.hostPath, `${field}.host_path`);
    checkImageMount(mount, field);
    if (!isImageMount(mount) && !mount.hostPath.startsWith('/')) {
      throw new OciError(`${field}.host_path`, `${JSON.stringify(mount.hostPath)} is not an absolute path`);
    }
    if (!PROPAGATION[mount.propagation]) {
      throw new OciError(`${field}.propagation`, `${mount.propagation} is not a propagation`);
    }
    checkMappings(mount.uidMappings, `${field}.uid_mappings`);
    checkMappings(mount.gidMappings, `${field}.gid_mappings`);
    checkRecursiveReadOnly(mount, field, features);
    mount.mountOptions.forEach((option, at) => {
      if (MOUNT_OPTIONS.has(option)) return;
      throw new OciError(`${field}.mount_options[${at}]`, `${JSON.stringify(option)} is not offered`);
    });
  });
}

function checkRecursiveReadOnly(mount: Mount, field: string, features: HandlerFeatures): void {
  if (!mount.recursiveReadOnly) return;
  if (!mount.readonly) throw new OciError(`${field}.recursive_read_only`, 'needs a read-only mount');
  if (mount.propagation !== MountPropagation.PROPAGATION_PRIVATE) {
    throw new OciError(`${field}.recursive_read_only`, 'needs private propagation');
  }
  if (!features.recursiveReadOnlyMounts) {
    throw new OciError(`${field}.recursive_read_only`, 'the runtime cannot mount read-only recursively', {
      code: 'FAILED_PRECONDITION',
      token: 'RROUnsupported',
    });
  }
}

function checkPropagation({ mount, sourcePropagation }: ResolvedMount, field: string): void {
  const enough: Readonly<Record<number, readonly unknown[]>> = {
    [MountPropagation.PROPAGATION_HOST_TO_CONTAINER]: ['shared', 'slave'],
    [MountPropagation.PROPAGATION_BIDIRECTIONAL]: ['shared'],
  };
  const wanted = enough[mount.propagation];
  if (!wanted || wanted.includes(sourcePropagation)) return;
  throw new OciError(`${field}.propagation`, `${mount.hostPath} lies on a mount that is not ${wanted.join(' or ')}`, {
    code: 'FAILED_PRECONDITION',
  });
}

function access(mount: Mount): string {
  if (!mount.readonly) return 'rw';
  return mount.recursiveReadOnly ? 'rro' : 'ro';
}

function bind(destination: string, source: string, options: string[], ids?: UsernsMappings): SpecMount {
  const mount = { destination, type: 'bind', source, options: ['rbind', ...options] };
  return ids ? { ...mount, uidMappings: [...ids.uids], gidMappings: [...ids.gids] } : mount;
}

function mappingsOf(mount: Mount): UsernsMappings | undefined {
  const uids: SpecIdMapping[] = idMappings(mount.uidMappings);
  const gids: SpecIdMapping[] = idMappings(mount.gidMappings);
  return uids.length + gids.length > 0 ? { uids, gids } : undefined;
}

function requested(resolved: ResolvedMount, index: number): SpecMount {
  const { mount, source } = resolved;
  const field = `config.mounts[${index}]`;
  checkPropagation(resolved, field);
  const propagation = PROPAGATION[mount.propagation];
  if (!propagation) throw new OciError(`${field}.propagation`, `${mount.propagation} is not a propagation`);
  const destination = mount.containerPath.startsWith('/') ? mount.containerPath : `/${mount.containerPath}`;
  // The ids of an image volume are shifted by its snapshot: its mount must not shift them again.
  const ids = isImageMount(mount) ? undefined : mappingsOf(mount);
  return bind(destination, source, [propagation, access(mount), ...mount.mountOptions], ids);
}

export interface ContainerMountsInput {
  readonly base: readonly SpecMount[];
  readonly config: ContainerConfig;
  readonly mounts: readonly ResolvedMount[];
  readonly volumes: readonly ResolvedVolume[];
  readonly files: SandboxFiles;
  readonly userns?: UsernsMappings;
  /** The pod is on the node's network. */
  readonly hostNetwork: boolean;
  readonly cgroupWritable: boolean;
  /** Superblock options that a read-write cgroup mount must repeat. */
  readonly cgroupOptions: readonly string[];
}

/** The files of the pod, then the volumes of the image that would hide none of them. */
function internal({ config, files, volumes, userns }: ContainerMountsInput): SpecMount[] {
  const securityContext = config.linux?.securityContext;
  const mode = securityContext?.readonlyRootfs ? 'ro' : 'rw';
  const hostIpc = securityContext?.namespaceOptions?.ipc === NamespaceMode.NODE;
  const shm = hostIpc ? '/dev/shm' : files.shm;
  const file = (destination: string, source: string | undefined): SpecMount[] =>
    source ? [bind(destination, source, ['rprivate', mode], userns)] : [];
  const ofPod = [
    ...file('/etc/hostname', files.hostname),
    ...file('/etc/hosts', files.hosts),
    ...file('/etc/resolv.conf', files.resolvConf),
    // Not shifted: tmpfs can be since Linux 6.3 only, and this one starts empty.
    ...(shm ? [bind('/dev/shm', shm, ['rprivate', 'rw'])] : []),
  ];
  const taken = new Set(ofPod.map(({ destination }) => destination));
  const wanted = volumes.filter(({ containerPath }) => !taken.has(cleanPath(containerPath)));
  return [
    ...ofPod,
    ...wanted.map(({ containerPath, source }) => bind(containerPath, source, ['rprivate', 'rw'], userns)),
  ];
}

function depth(path: string): number {
  return cleanPath(path).split('/').length;
}

/** Sorted by the number of path components, so that no mount covers a deeper one; otherwise in the given order. */
export function byDepth(mounts: readonly SpecMount[]): SpecMount[] {
  const deep = mounts.map((mount) => ({ mount, depth: depth(mount.destination) }));
  return deep.sort((a, b) => a.depth - b.depth).map(({ mount }) => mount);
}

/** sysfs cannot be mounted in a user namespace that does not own the network namespace: the host's is bound instead. */
export function hostSysfs(): SpecMount {
  return bind('/sys', '/sys', ['rro', 'nosuid', 'nodev', 'noexec']);
}

/**
 * A container's mounts: the base's, then the request's and ours by depth. A mount of the request takes the place of any
 * other at the same path, and one on /dev of every other below /dev.
 */
export function containerMounts(input: ContainerMountsInput): SpecMount[] {
  const asked = input.mounts.map(requested);
  const taken = new Set(asked.map(({ destination }) => cleanPath(destination)));
  const own = internal(input).filter(({ destination }) => !taken.has(cleanPath(destination)));
  const all = byDepth([...asked, ...own]);
  const covered = new Set(all.map(({ destination }) => cleanPath(destination)));
  const wholeDev = covered.has('/dev');
  const cgroup: SpecMount = {
    destination: '/sys/fs/cgroup',
    type: 'cgroup',
    source: 'cgroup',
    options: ['nosuid', 'noexec', 'nodev', 'relatime', input.cgroupWritable ? 'rw' : 'ro', ...input.cgroupOptions],
  };
  const sysBound = input.userns && input.hostNetwork;
  const base = [...input.base.filter(({ destination }) => cleanPath(destination) !== '/sys/fs/cgroup'), cgroup]
    .map((mount) => (sysBound && cleanPath(mount.destination) === '/sys' ? hostSysfs() : mount))
    .filter(({ destination }) => {
      const path = cleanPath(destination);
      return !covered.has(path) && !(wholeDev && path.startsWith('/dev/'));
    });
  return [...base, ...all];
}

/** What the container's root must pass on for its mounts to: unset, or the strongest that a mount asks for. */
export function rootfsPropagation(mounts: readonly Mount[], base?: string): string | undefined {
  const asked = new Set(mounts.map(({ propagation }) => propagation));
  if (asked.has(MountPropagation.PROPAGATION_BIDIRECTIONAL)) return 'rshared';
  if (!asked.has(MountPropagation.PROPAGATION_HOST_TO_CONTAINER)) return base;
  return base === 'rshared' ? base : 'rslave';
}

/** Makes /sys writable: privileged containers and sandboxes administer the host. */
export function withWritableSysfs(mounts: readonly SpecMount[]): SpecMount[] {
  return mounts.map((mount) =>
    mount.type === 'sysfs'
      ? { ...mount, options: (mount.options ?? []).map((option) => (option === 'ro' ? 'rw' : option)) }
      : mount,
  );
}
