import type { PodNetworkResult } from '../model/network';
import { CniError } from './cni-error';
import { addressOf, type CniInterface, type CniResult, familyOf } from './result';

/** Which address of a pod is its first: an IPv4 one, an IPv6 one, or whichever CNI named first. */
export type IpPreference = 'ipv4' | 'ipv6' | 'cni';

/** The interface whose addresses are the pod's. */
export const DEFAULT_INTERFACE = 'eth0';

interface InterfaceJson {
  IPConfigs: { IP: string; Gateway: string }[] | null;
  Mac: string;
  Sandbox: string;
  PciID?: string;
  SocketPath?: string;
}

/**
 * The pod's addresses, and the results of all its networks in the shape in which the plugin keeps them in a sandbox's
 * record. Throws a CniError when the default interface got no address: kubelet would take such a pod for a broken one.
 */
export function podNetworkResult(results: readonly CniResult[], preference: IpPreference): PodNetworkResult {
  const interfaces = new Map<string, InterfaceJson>([[DEFAULT_INTERFACE, { IPConfigs: null, Mac: '', Sandbox: '' }]]);
  for (const result of results) {
    for (const one of result.interfaces) interfaces.set(one.name, interfaceJson(one));
    for (const ip of result.ips) {
      // A plugin that makes one interface need not name it: its addresses are those of the default one.
      const named = ip.interface === undefined ? undefined : result.interfaces[ip.interface]?.name;
      const target = interfaces.get(named ?? DEFAULT_INTERFACE);
      const address = { IP: addressOf(ip.address), Gateway: ip.gateway };
      if (!target) continue;
      target.IPConfigs ??= [];
      target.IPConfigs.push(address);
    }
  }
  const addresses = (interfaces.get(DEFAULT_INTERFACE)?.IPConfigs ?? []).map(({ IP }) => IP);
  if (addresses.length === 0) throw new CniError(`the pod network gave interface ${DEFAULT_INTERFACE} no address`);
  const { ip, additionalIps } = chooseIp(addresses, preference);
  const routes = results.flatMap((result) => result.routes);
  return {
    ip,
    additionalIps,
    cniResult: {
      Interfaces: Object.fromEntries(interfaces),
      DNS: results.map(({ dns }) => dns),
      Routes: routes.length > 0 ? routes : null,
    },
  };
}

/** The preferred address and the others in their order; without one of the preferred family the first is it. */
export function chooseIp(
  addresses: readonly string[],
  preference: IpPreference,
): { ip: string; additionalIps: string[] } {
  const wanted = preference === 'ipv6' ? '6' : '4';
  const found = preference === 'cni' ? 0 : addresses.findIndex((address) => familyOf(address) === wanted);
  const first = Math.max(found, 0);
  return { ip: addresses[first] ?? '', additionalIps: addresses.filter((_, index) => index !== first) };
}

function interfaceJson(one: CniInterface): InterfaceJson {
  return {
    IPConfigs: null,
    Mac: one.mac,
    Sandbox: one.sandbox,
    ...(one.pciID ? { PciID: one.pciID } : {}),
    ...(one.socketPath ? { SocketPath: one.socketPath } : {}),
  };
}
