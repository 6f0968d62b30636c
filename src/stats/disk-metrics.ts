import { MetricType } from '../../generated/cri/v1/api';
import type { CgroupIoDevice } from '../model/cgroup-values';
import { type FilesystemValues, type MetricFamily, measuredAt, pressureFamilies } from './metric-family';

/** Metrics of block devices and of the filesystem below the writable layer. */
export const DISK_METRICS: readonly MetricFamily[] = [
  perDevice('container_fs_reads_bytes_total', 'Bytes read from a device.', (device) => device.readBytes),
  perDevice('container_fs_reads_total', 'Reads from a device.', (device) => device.reads),
  perDevice('container_fs_writes_bytes_total', 'Bytes written to a device.', (device) => device.writeBytes),
  perDevice('container_fs_writes_total', 'Writes to a device.', (device) => device.writes),
  {
    name: 'container_blkio_device_usage_total',
    help: 'Bytes moved to and from a device.',
    type: MetricType.COUNTER,
    labels: ['device', 'major', 'minor', 'operation'],
    samples: (source) =>
      (source.values?.io?.devices ?? []).flatMap((device) => {
        const which = [nameOf(device), String(device.major), String(device.minor)];
        return [
          { labels: [...which, 'Read'], value: device.readBytes },
          { labels: [...which, 'Write'], value: device.writeBytes },
        ];
      }),
  },
  ...measuredAt(
    ({ layerAt }) => layerAt,
    [filesystem('container_fs_usage_bytes', 'Bytes of the filesystem used by the container.', (fs) => fs.usage)],
  ),
  ...measuredAt(
    ({ filesystemAt }) => filesystemAt,
    [
      filesystem('container_fs_limit_bytes', 'Size of the filesystem, in bytes.', (fs) => fs.size),
      filesystem('container_fs_inodes_total', 'Inodes of the filesystem.', (fs) => fs.inodes),
      filesystem('container_fs_inodes_free', 'Free inodes of the filesystem.', (fs) => fs.inodesFree),
    ],
  ),
  ...pressureFamilies('io', (source) => source.values?.io?.psi),
];

function perDevice(name: string, help: string, of: (device: CgroupIoDevice) => bigint): MetricFamily {
  return {
    name,
    help,
    type: MetricType.COUNTER,
    labels: ['device'],
    samples: (source) =>
      (source.values?.io?.devices ?? []).map((device) => ({ labels: [nameOf(device)], value: of(device) })),
  };
}

function filesystem(name: string, help: string, of: (fs: FilesystemValues) => bigint): MetricFamily {
  return {
    name,
    help,
    type: MetricType.GAUGE,
    labels: ['device'],
    samples: ({ filesystem: fs }) => (fs ? [{ labels: [fs.device], value: of(fs) }] : []),
  };
}

/** A device nobody looked up goes by its numbers. */
function nameOf(device: CgroupIoDevice): string {
  return device.device ?? `${device.major}:${device.minor}`;
}
