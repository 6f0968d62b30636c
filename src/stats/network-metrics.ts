import { MetricType } from '../../generated/cri/v1/api';
import type { NetDev } from '../model/net-dev';
import { type MetricFamily, measuredAt } from './metric-family';
import { podInterfaces } from './network-usage';

/** Metrics of a pod's network interfaces; none for a pod on the host's network. */
export const NETWORK_METRICS: readonly MetricFamily[] = measuredAt(
  ({ networkAt }) => networkAt,
  [
    perInterface('receive_bytes_total', 'Bytes received.', (device) => device.rxBytes),
    perInterface('receive_packets_total', 'Packets received.', (device) => device.rxPackets),
    perInterface('receive_packets_dropped_total', 'Received packets dropped.', (device) => device.rxDropped),
    perInterface('receive_errors_total', 'Errors while receiving.', (device) => device.rxErrors),
    perInterface('transmit_bytes_total', 'Bytes sent.', (device) => device.txBytes),
    perInterface('transmit_packets_total', 'Packets sent.', (device) => device.txPackets),
    perInterface('transmit_packets_dropped_total', 'Packets dropped instead of sent.', (device) => device.txDropped),
    perInterface('transmit_errors_total', 'Errors while sending.', (device) => device.txErrors),
  ],
);

function perInterface(suffix: string, help: string, of: (device: NetDev) => bigint): MetricFamily {
  return {
    name: `container_network_${suffix}`,
    help,
    type: MetricType.COUNTER,
    labels: ['interface'],
    samples: (source) =>
      podInterfaces(source.network ?? []).map((device) => ({ labels: [device.name], value: of(device) })),
  };
}
