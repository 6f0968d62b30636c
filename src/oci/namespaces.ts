import { NamespaceMode, type NamespaceOption } from '../../generated/cri/v1/api';
import type { PodPins } from '../model/pod-pins';
import type { NamespaceType, SpecLinux } from '../model/spec';
import { OciError } from './oci-error';

type Namespace = NonNullable<SpecLinux['namespaces']>[number];

const POD_TYPES = ['network', 'ipc', 'uts'] as const;
const FIELD = 'config.linux.security_context.namespace_options';

/** Puts a namespace in the place of the one of its type, or at the end. */
function withNamespace(list: readonly Namespace[], namespace: Namespace): Namespace[] {
  const at = list.findIndex(({ type }) => type === namespace.type);
  return at < 0 ? [...list, namespace] : list.with(at, namespace);
}

function ofProcess(pid: number, type: NamespaceType): Namespace {
  return { type, path: `/proc/${pid}/ns/${type === 'network' ? 'net' : type}` };
}

function checkMode(mode: NamespaceMode, allowed: readonly NamespaceMode[], field: string): void {
  if (!allowed.includes(mode)) {
    throw new OciError(`${FIELD}.${field}`, `${NamespaceMode[mode] ?? mode} is not offered`);
  }
}

/** Answers which PID namespace a container asks for. Throws an OciError when there is no such one. */
export function checkContainerModes(options: NamespaceOption | undefined): NamespaceMode {
  const pid = options?.pid ?? NamespaceMode.POD;
  checkMode(pid, [NamespaceMode.POD, NamespaceMode.CONTAINER, NamespaceMode.NODE, NamespaceMode.TARGET], 'pid');
  return pid;
}

export interface ContainerNamespacesInput {
  readonly base: readonly Namespace[];
  readonly options?: NamespaceOption;
  /** Pid of the pause process; 0 when there is none. */
  readonly sandboxPid: number;
  /** Where the namespaces of a pod without a pause process are. */
  readonly pins?: PodPins;
  readonly targetPid?: number;
  /** The container has a user namespace: its pod's. */
  readonly userns: boolean;
  /** A cgroup namespace of its own. */
  readonly cgroup: boolean;
}

/**
 * A container's namespaces. Those of the pod are joined at the pause process, whose own are the host's where the pod
 * shares them. A pid is good only as long as the pause process lives, so this is asked when the container is made.
 * Without a pause process they are joined where they are pinned, and the host's are those that the runtime is in.
 */
export function containerNamespaces(input: ContainerNamespacesInput): Namespace[] {
  const { base, options, sandboxPid, targetPid } = input;
  const pidMode = checkContainerModes(options);
  let list = joined(base, input);
  if (pidMode === NamespaceMode.CONTAINER) list = withNamespace(list, { type: 'pid' });
  else if (pidMode !== NamespaceMode.TARGET) list = withPodPid(list, pidMode, input);
  else if (targetPid && targetPid > 0) list = withNamespace(list, ofProcess(targetPid, 'pid'));
  else throw new OciError(`${FIELD}.target_id`, 'the target container is not running', { code: 'FAILED_PRECONDITION' });
  if (input.userns) list = withNamespace(list, ofProcess(sandboxPid, 'user'));
  if (input.cgroup) list = withNamespace(list, { type: 'cgroup' });
  return list;
}

/** The pod's own namespaces, but that of PIDs. */
function joined(base: readonly Namespace[], { sandboxPid, pins }: ContainerNamespacesInput): Namespace[] {
  let list = [...base];
  if (pins) {
    for (const type of POD_TYPES) {
      const path = pins[type];
      list = path === undefined ? list.filter((each) => each.type !== type) : withNamespace(list, { type, path });
    }
    return list;
  }
  if (!(sandboxPid > 0)) {
    throw new OciError(FIELD, 'the pod sandbox is not running', { code: 'FAILED_PRECONDITION' });
  }
  for (const type of POD_TYPES) list = withNamespace(list, ofProcess(sandboxPid, type));
  return list;
}

/** The PID namespace of a pod or of the host. Without a pause process nobody keeps one that containers could share. */
function withPodPid(list: Namespace[], mode: NamespaceMode, { sandboxPid, pins }: ContainerNamespacesInput) {
  if (!pins) return withNamespace(list, ofProcess(sandboxPid, 'pid'));
  if (mode === NamespaceMode.NODE) return list.filter(({ type }) => type !== 'pid');
  throw new OciError(`${FIELD}.pid`, 'the pod was made without a PID namespace to share', {
    code: 'FAILED_PRECONDITION',
  });
}

type SandboxModes = Pick<NamespaceOption, 'network' | 'pid' | 'ipc'>;

/** Answers which namespaces a pod asks for. Throws an OciError when there is no such one. */
export function checkSandboxModes(options: NamespaceOption | undefined): SandboxModes {
  const { POD, CONTAINER, NODE } = NamespaceMode;
  const modes = options ?? { network: POD, pid: POD, ipc: POD };
  checkMode(modes.network, [POD, NODE], 'network');
  checkMode(modes.ipc, [POD, NODE], 'ipc');
  checkMode(modes.pid, [POD, CONTAINER, NODE], 'pid');
  return modes;
}

export interface SandboxNamespacesInput {
  readonly base: readonly Namespace[];
  readonly options?: NamespaceOption;
  readonly netnsPath: string;
  readonly userns: boolean;
  readonly userNamespacePath?: string;
  /** Where its other namespaces are pinned, in a pod that may do without a pause process. */
  readonly pins?: PodPins;
}

/** The pause container's namespaces: NODE takes one away; the host's network comes with the host's name (UTS). */
export function sandboxNamespaces(input: SandboxNamespacesInput): Namespace[] {
  const { base, options, netnsPath, userns, userNamespacePath, pins } = input;
  const { network, pid, ipc } = checkSandboxModes(options);
  const away = new Set<NamespaceType>();
  if (network === NamespaceMode.NODE) away.add('network').add('uts');
  if (pid === NamespaceMode.NODE) away.add('pid');
  if (ipc === NamespaceMode.NODE) away.add('ipc');
  let list = base.filter(({ type }) => !away.has(type));
  if (!away.has('network')) list = withNamespace(list, { type: 'network', path: netnsPath });
  for (const type of ['ipc', 'uts'] as const) {
    const path = pins?.[type];
    if (path !== undefined && !away.has(type)) list = withNamespace(list, { type, path });
  }
  if (userns) list = withNamespace(list, { type: 'user', ...(userNamespacePath && { path: userNamespacePath }) });
  return list;
}
