import type { ContainerConfig, Device } from '../../../generated/cri/v1/api';
import type { RuntimeHandler } from '../../model/runtime-handler';
import type { SpecDevice, SpecDeviceCgroup } from '../../model/spec';
import { checkPath, checkPathInside } from '../check-path';
import { cleanPath } from '../image-volumes';
import type { HostDevice, ResolvedDevice } from '../inputs';
import { OciError } from '../oci-error';
import type { OciSettings } from '../settings';

export interface Devices {
  readonly devices: SpecDevice[];
  readonly rules: SpecDeviceCgroup[];
}

/**
 * Device nodes of one container, those below directories included: as many as a machine with many disks has. Each takes a rule
 * of the device cgroup besides.
 */
export const MAX_DEVICE_NODES = 4096;

const CONSOLE: HostDevice = { path: '/dev/console', type: 'c', major: 5, minor: 1, fileMode: 0o600, uid: 0, gid: 0 };

/** True when a privileged container gets every device of the host: the handler may say no. */
export function wantsHostDevices(
  privileged: boolean,
  handler: Pick<RuntimeHandler, 'privilegedWithoutHostDevices'>,
): boolean {
  return privileged && !handler.privilegedWithoutHostDevices;
}

/** A device of the host as the spec has it, at a path of the container. */
function specDevice({ type, major, minor, fileMode, uid, gid }: HostDevice, path: string): SpecDevice {
  return { path, type, major, minor, fileMode: fileMode & 0o7777, uid, gid };
}

function permissionsOf(text: string, field: string): string {
  if (!/^[rwm]*$/.test(text)) throw new OciError(field, `${JSON.stringify(text)} is not made of r, w and m`);
  return text || 'rwm';
}

/** Checks all of a request's devices that can be checked without looking at the host. */
export function checkDevices(devices: readonly Device[]): void {
  devices.forEach((device, i) => {
    const field = `config.devices[${i}]`;
    if (!device.hostPath) throw new OciError(`${field}.host_path`, 'is empty');
    checkPath(device.hostPath, `${field}.host_path`);
    checkPathInside(device.containerPath, `${field}.container_path`);
    permissionsOf(device.permissions, `${field}.permissions`);
  });
}

/** A directory is taken whole: what lies below it on the host lies at the same place below the container's path. */
function expanded({ device, hostPath, nodes }: ResolvedDevice, index: number): Devices {
  const field = `config.devices[${index}]`;
  const access = permissionsOf(device.permissions, `${field}.permissions`);
  if (nodes.length === 0) throw new OciError(`${field}.host_path`, `${device.hostPath} is not a device`);
  const target = cleanPath(device.containerPath || device.hostPath);
  const inside = (path: string): string => (path.startsWith(`${hostPath}/`) ? path.slice(hostPath.length) : '');
  return {
    devices: nodes.map((node) => specDevice(node, target + inside(node.path))),
    rules: nodes.map(({ type, major, minor }) => ({ allow: true, type, major, minor, access })),
  };
}

function requireFewNodes(devices: readonly ResolvedDevice[]): void {
  let count = 0;
  for (const [i, { nodes }] of devices.entries()) {
    count += nodes.length;
    if (count <= MAX_DEVICE_NODES) continue;
    throw new OciError(`config.devices[${i}].host_path`, `brings the devices to over ${MAX_DEVICE_NODES}`);
  }
}

/** A terminal needs /dev/console, which a bind mount of the host's /dev would hide behind the host's own. */
function consoleNeeded(config: ContainerConfig): boolean {
  const hostDev = config.mounts.some((mount) => mount.containerPath === '/dev' && mount.hostPath === '/dev');
  return config.tty && hostDev && !config.devices.some((device) => device.containerPath === '/dev/console');
}

/** With the switch on, devices belong to whom the container runs as, so that it need not run as root to use them. */
function owned(device: SpecDevice, config: ContainerConfig): SpecDevice {
  const { runAsUser, runAsGroup } = config.linux?.securityContext ?? {};
  return {
    ...device,
    ...(runAsUser && runAsUser.value !== 0n && { uid: Number(runAsUser.value) }),
    ...(runAsGroup && runAsGroup.value !== 0n && { gid: Number(runAsGroup.value) }),
  };
}

export interface DevicesInput {
  readonly base: { readonly devices?: readonly SpecDevice[]; readonly rules?: readonly SpecDeviceCgroup[] };
  readonly config: ContainerConfig;
  readonly devices: readonly ResolvedDevice[];
  readonly hostDevices?: readonly HostDevice[];
  readonly handler: Pick<
    RuntimeHandler,
    'privilegedWithoutHostDevices' | 'privilegedWithoutHostDevicesAllDevicesAllowed'
  >;
  readonly settings: Pick<OciSettings, 'device_ownership_from_security_context'>;
}

/**
 * Device nodes and what the device cgroup allows. A privileged container gets the host's nodes and may use any device;
 * without host devices, it may only where the handler says so.
 */
export function containerDevices({ base, config, devices, hostDevices, handler, settings }: DevicesInput): Devices {
  const privileged = config.linux?.securityContext?.privileged ?? false;
  const console: ResolvedDevice = {
    device: { containerPath: '/dev/console', hostPath: '/dev/console', permissions: 'rwm' },
    hostPath: '/dev/console',
    nodes: [CONSOLE],
  };
  requireFewNodes(devices);
  const asked = [...devices, ...(consoleNeeded(config) ? [console] : [])].map(expanded);
  const named = asked
    .flatMap((each) => each.devices)
    .map((device) => (settings.device_ownership_from_security_context ? owned(device, config) : device));
  const host = wantsHostDevices(privileged, handler) ? (hostDevices ?? []) : [];
  const all = [...(base.devices ?? []), ...named];
  const taken = new Set(all.map(({ path }) => path));
  const everything =
    privileged && (!handler.privilegedWithoutHostDevices || handler.privilegedWithoutHostDevicesAllDevicesAllowed);
  return {
    devices: [...all, ...host.filter(({ path }) => !taken.has(path)).map((device) => specDevice(device, device.path))],
    rules: everything
      ? [{ allow: true, access: 'rwm' }]
      : [...(base.rules ?? []), ...asked.flatMap((each) => each.rules)],
  };
}
