import type { ContainerConfig, ContainerResources } from '../../generated/cri/v1/api';
import type { Mount } from './mount';
import type { SpecProcess } from './spec';

/** What never changes about a container. */
export interface ContainerMetadata {
  readonly id: string;
  /** `name_pod_namespace_uid_attempt`. */
  readonly name: string;
  readonly sandboxId: string;
  readonly config: ContainerConfig;
  /** Image id: digest of the image's config. */
  readonly imageRef: string;
  /** Digest of the image's target (index or manifest); newer plugins store it. */
  readonly imageDigest: string;
  /** The image as the user named it, resolved. */
  readonly imageName: string;
  /** Absolute path of the log file; empty: no log. */
  readonly logPath: string;
  /** As the image or the config names it, for example `SIGTERM` or `15`; empty: SIGTERM. */
  readonly stopSignal: string;
  /** SELinux label before what privileges and virtual machines make of it; empty without SELinux. Set while it is made. */
  processLabel: string;
}

export type ContainerState = 'CREATED' | 'RUNNING' | 'EXITED' | 'UNKNOWN';

/**
 * What changes about a container; replaced as a whole under its lock and written to the status file.
 *
 *     CREATED --start--> RUNNING --exit--> EXITED --remove--> (gone)
 *        \--failed start--------------------^
 *     UNKNOWN: a start failed and its task may still be there, or nothing is known of it. Ends when that is known, or with
 *     a stop or a removal.
 */
export interface ContainerStatus {
  readonly pid: number;
  /** Nanoseconds since 1970; 0: not yet. createdAt is never 0. */
  readonly createdAt: bigint;
  readonly startedAt: bigint;
  readonly finishedAt: bigint;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly resources?: ContainerResources;
  /** True while it is UNKNOWN. Not stored. */
  readonly unknown: boolean;
}

/** Watches whether the kernel kills processes of a container for memory. */
export interface OomWatch {
  /**
   * Whether it has killed one; undefined when that is not known: the kernel has told of a change, and the counter went with
   * its cgroup before it could be read.
   */
  look(): boolean | undefined;
  close(): void;
}

/** Who the first process of a container runs as, from its OCI spec. */
export interface ContainerUserIds {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}

export interface Container {
  /** Replaced once, where it could not be read at a start. */
  metadata: ContainerMetadata;
  status: ContainerStatus;
  /** From the spec; undefined when the record could not be read. */
  user?: ContainerUserIds;
  readonly snapshotter: string;
  /** How its root filesystem is mounted; undefined: the snapshotter has to be asked. Not stored. */
  readonly rootfs?: readonly Mount[];
  /** Its first process, as its record has it, which never changes; after a restart known once an exec has asked. Not stored. */
  process?: SpecProcess;
  /** Set while it starts or is removed, so that the other is refused; not stored. */
  busy?: 'starting' | 'removing';
  /** The stop signal has been sent once. */
  stopSignalSent?: boolean;
  /** An OOM event of containerd named it, heard by us or, before a start, by containerd's plugin; looked at when it ends. */
  oomKilled?: boolean;
  /** Watches the kernel's counter of such kills while it runs; absent where that cannot be watched. Not stored. */
  oomWatch?: OomWatch;
  /** Its start failed and what became of its task is not known: it may be there, or a shim that nobody knows. */
  halfMade?: boolean;
  /** Its end is not on disk yet: that was full. */
  unsaved?: boolean;
  /** It has ended, and its shim does not report the exit: the task stays in that shim. */
  unreported?: boolean;
  /** Why it is not known what became of its task. It is asked again until it is. */
  doubt?: string;
  /** Why its metadata is not complete: its status is not told until it can be read, or its pod has been stopped. */
  unreadable?: string;
  /** Its status file cannot be read: when it ended, and how, is not known. */
  endUnread?: boolean;
  /** Its start failed with this message while its task may still be there: UNKNOWN until the task is gone. */
  failedStart?: string;
  /** A change of its resources failed half-way and is still to be put back by this; set while that is so. Not stored. */
  putBackResources?: (signal: AbortSignal) => Promise<void>;
}

/**
 * The status with times that never run backwards: created, started, ended. They come from clocks that are read at different
 * moments (crisp's, containerd's, a shim's), and a clock may be set back in between. What has ended has started, at its
 * creation as far as is known: crisp may die between a start and the record of it, and find only the end.
 */
export function inOrder(status: ContainerStatus): ContainerStatus {
  const ended = status.finishedAt !== 0n;
  const startedAt = ended && status.startedAt === 0n ? status.createdAt : notBefore(status.createdAt, status.startedAt);
  const finishedAt = notBefore(startedAt, status.finishedAt);
  return startedAt === status.startedAt && finishedAt === status.finishedAt
    ? status
    : { ...status, startedAt, finishedAt };
}

/** `time`, or `earliest` when that is later; 0n stays: it has not happened. */
function notBefore(earliest: bigint, time: bigint): bigint {
  return time !== 0n && time < earliest ? earliest : time;
}

/** The state that CRI reports, by the times alone (as the plugin does: a status file has no state field). */
export function containerState(status: ContainerStatus): ContainerState {
  if (status.unknown) return 'UNKNOWN';
  if (status.finishedAt !== 0n) return 'EXITED';
  if (status.startedAt !== 0n) return 'RUNNING';
  return 'CREATED';
}
