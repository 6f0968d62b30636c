import type { NetworkInterfaceUsage, NetworkUsage } from '../../generated/cri/v1/api';
import type { NetDev } from '../model/net-dev';
import { uint64 } from './usage';

const LOOPBACK = 'lo';
/** CNI's name for a pod's first interface. */
const DEFAULT_INTERFACE = 'eth0';

/** Reads the text of /proc/net/dev: two lines of heading, then `name: 16 counters`. */
export function parseNetDev(text: string): NetDev[] {
  const devices: NetDev[] = [];
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const columns = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/);
    if (columns.length < 12 || !columns.every((column) => /^\d+$/.test(column))) continue;
    const at = (index: number): bigint => BigInt(columns[index] ?? 0);
    devices.push({
      name: line.slice(0, colon).trim(),
      rxBytes: at(0),
      rxPackets: at(1),
      rxErrors: at(2),
      rxDropped: at(3),
      txBytes: at(8),
      txPackets: at(9),
      txErrors: at(10),
      txDropped: at(11),
    });
  }
  return devices;
}

/** The interfaces that count as the pod's: all but the loopback. */
export function podInterfaces(devices: readonly NetDev[]): NetDev[] {
  return devices.filter((device) => device.name !== LOOPBACK);
}

/** CRI's NetworkUsage: eth0 (or the first there is) as the default interface, the others beside it; undefined: none. */
export function networkUsage(devices: readonly NetDev[], timestamp: bigint): NetworkUsage | undefined {
  const interfaces = podInterfaces(devices);
  const main = interfaces.find((device) => device.name === DEFAULT_INTERFACE) ?? interfaces[0];
  if (!main) return undefined;
  const others = interfaces.filter((device) => device !== main);
  return { timestamp, defaultInterface: interfaceUsage(main), interfaces: others.map(interfaceUsage) };
}

function interfaceUsage(device: NetDev): NetworkInterfaceUsage {
  return {
    name: device.name,
    rxBytes: uint64(device.rxBytes),
    rxErrors: uint64(device.rxErrors),
    txBytes: uint64(device.txBytes),
    txErrors: uint64(device.txErrors),
  };
}
