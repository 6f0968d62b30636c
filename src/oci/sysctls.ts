import { NamespaceMode, type PodSandboxConfig } from '../../generated/cri/v1/api';
import { OciError } from './oci-error';
import type { OciSettings } from './settings';

/** Sysctls of the IPC namespace; the rest of kernel.* is the node's. */
const IPC = new Set([
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
]);

/** Both `net.ipv4.tcp_syncookies` and `net/ipv4/conf/eth0.1/forwarding` are in use: the first separator decides. */
function parts(name: string): string[] {
  return name.split(/^[^./]*\//.test(name) ? '/' : '.');
}

/**
 * Where a sysctl is below /proc/sys. The first separator of a name parts it; the other one then stands for a dot within
 * a part, as in `net.ipv4.conf.eth0/100.forwarding`.
 */
export function sysctlPath(name: string): string {
  const segments = parts(name);
  return segments.map((segment) => segment.replaceAll('/', '.')).join('/');
}

/** Whether one of them is of an interface that a pod has only once its network is set up. */
export function nameInterfaces(sysctls: Readonly<Record<string, string>>): boolean {
  return Object.keys(sysctls).some((name) => {
    const [net, , of, device = ''] = parts(name);
    return net === 'net' && (of === 'conf' || of === 'neigh') && !['all', 'default', 'lo'].includes(device);
  });
}

function check(name: string, value: string, shared: { network: boolean; ipc: boolean }): void {
  const field = `config.linux.sysctls[${JSON.stringify(name)}]`;
  const segments = parts(name);
  // Empty parts too: the name becomes a path below /proc/sys, and must not lead out of it.
  const clean = name.split(/[./]/).every((part) => /^[A-Za-z0-9_@:-]+$/.test(part));
  if (segments.length < 2 || !clean) throw new OciError(field, 'is not the name of a sysctl');
  if (/[\n\r\0]/.test(value)) throw new OciError(field, 'the value is more than one line');
  const dotted = segments.join('.');
  const ofNetwork = dotted.startsWith('net.');
  const ofIpc = IPC.has(dotted) || dotted.startsWith('fs.mqueue.');
  const ofUts = dotted === 'kernel.domainname';
  if (!ofNetwork && !ofIpc && !ofUts) throw new OciError(field, 'belongs to the whole node, not to a pod');
  if ((ofNetwork || ofUts) && shared.network) throw new OciError(field, "the pod is on the node's network");
  if (ofIpc && shared.ipc) throw new OciError(field, "the pod shares the node's IPC namespace");
}

/**
 * The pod's sysctls: only those a namespace of its own holds. On a network of its own, low ports and ping are open to
 * every user unless the pod says otherwise; not ping with a user namespace, where the upper group id is not mapped.
 */
export function sandboxSysctls(
  config: PodSandboxConfig,
  userns: boolean,
  settings: Pick<OciSettings, 'enable_unprivileged_ports' | 'enable_unprivileged_icmp'>,
): Record<string, string> {
  const options = config.linux?.securityContext?.namespaceOptions;
  const shared = { network: options?.network === NamespaceMode.NODE, ipc: options?.ipc === NamespaceMode.NODE };
  const asked = Object.entries(config.linux?.sysctls ?? {});
  for (const [name, value] of asked) check(name, value, shared);
  const names = new Set(asked.map(([name]) => parts(name).join('.')));
  const defaults: [string, string][] = [];
  if (!shared.network && settings.enable_unprivileged_ports)
    defaults.push(['net.ipv4.ip_unprivileged_port_start', '0']);
  if (!shared.network && settings.enable_unprivileged_icmp && !userns) {
    defaults.push(['net.ipv4.ping_group_range', '0 2147483647']);
  }
  return Object.fromEntries([...asked, ...defaults.filter(([name]) => !names.has(name))]);
}
