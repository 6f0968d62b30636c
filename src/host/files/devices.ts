import { kernelCall } from '../syscall/kernel-call';
import { hostMeans, type Means } from '../syscall/syscalls';
import type { HostDeviceNode } from './device-nodes';

export { deviceNow, type HostDeviceNode, splitDeviceNumber } from './device-nodes';

/** What a pod's `devices[].host_path` names: one device node, or all below a directory. */
export async function devicesAt(path: string, means: Means = hostMeans()): Promise<HostDeviceNode[]> {
  return kernelCall(means, 'devicesAt', path, { subject: path });
}

/** Every device of the host: what a privileged container sees. */
export async function hostDevices(dev = '/dev', means: Means = hostMeans()): Promise<HostDeviceNode[]> {
  return kernelCall(means, 'devicesBelow', dev, { subject: dev });
}
