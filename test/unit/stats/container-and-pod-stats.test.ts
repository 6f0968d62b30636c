import { containerStats } from '../../../src/stats/container-stats';
import { filesystemUsage } from '../../../src/stats/filesystem-usage';
import { podSandboxStats } from '../../../src/stats/pod-stats';

const attributes = { id: 'c1', metadata: { name: 'web', attempt: 0 }, labels: { a: 'b' }, annotations: {} };
const podAttributes = {
  id: 'p1',
  metadata: { name: 'pod', uid: 'u', namespace: 'ns', attempt: 0 },
  labels: {},
  annotations: {},
};
const layer = filesystemUsage('/var/lib/snapshots', { timestamp: 3n, size: 4096n, inodes: 2n }, 9n);

describe('filesystemUsage', () => {
  it('is what was sampled, when it was', () => {
    expect(layer).toEqual({
      timestamp: 3n,
      fsId: { mountpoint: '/var/lib/snapshots' },
      usedBytes: { value: 4096n },
      inodesUsed: { value: 2n },
    });
  });

  it('is 0, now, before the first sample', () => {
    expect(filesystemUsage('/x', undefined, 9n)).toMatchObject({
      timestamp: 9n,
      usedBytes: { value: 0n },
      inodesUsed: { value: 0n },
    });
  });
});

describe('containerStats', () => {
  it('has attributes and writable layer only, for a container that does not run', () => {
    expect(containerStats({ attributes, timestamp: 5n, writableLayer: layer })).toEqual({
      attributes,
      writableLayer: layer,
    });
  });

  it('has usage for one that does', () => {
    const values = { cpu: { usageNs: 7n }, memory: { usage: 8n, swapUsage: 0n } };
    const stats = containerStats({ attributes, values, timestamp: 5n, nanoCores: 6n, writableLayer: layer });
    expect(stats).toMatchObject({
      cpu: { timestamp: 5n, usageCoreNanoSeconds: { value: 7n }, usageNanoCores: { value: 6n } },
      memory: { timestamp: 5n, usageBytes: { value: 8n } },
      swap: { swapUsageBytes: { value: 0n } },
    });
  });
});

describe('podSandboxStats', () => {
  it('has containers and attributes when nothing else is known', () => {
    const container = containerStats({ attributes, timestamp: 5n, writableLayer: layer });
    expect(podSandboxStats({ attributes: podAttributes, timestamp: 5n, containers: [container] })).toEqual({
      attributes: podAttributes,
      linux: { containers: [container] },
    });
  });

  it('counts processes as told, or else as the pids controller does', () => {
    const input = { attributes: podAttributes, timestamp: 5n, containers: [], values: { pids: { current: 9n } } };
    const processes = [input, { ...input, processCount: 4n }].map((each) => podSandboxStats(each).linux?.process);
    expect(processes).toEqual([
      { timestamp: 5n, processCount: { value: 9n } },
      { timestamp: 5n, processCount: { value: 4n } },
    ]);
  });

  it('has the usage of its cgroup and its network', () => {
    const psi = { some: { avg10: 0, avg60: 0, avg300: 0, totalNs: 1n } };
    const dev = { rxBytes: 1n, rxPackets: 0n, rxErrors: 0n, rxDropped: 0n };
    const net = { name: 'eth0', ...dev, txBytes: 2n, txPackets: 0n, txErrors: 0n, txDropped: 0n };
    const { linux } = podSandboxStats({
      attributes: podAttributes,
      timestamp: 5n,
      nanoCores: 3n,
      values: { cpu: { usageNs: 7n }, memory: { usage: 8n }, io: { devices: [], psi } },
      network: [net],
      containers: [],
    });
    expect(linux).toMatchObject({
      cpu: { usageNanoCores: { value: 3n } },
      memory: { usageBytes: { value: 8n } },
      io: { timestamp: 5n, psi: { Some: { Total: 1n } } },
      network: { defaultInterface: { name: 'eth0', txBytes: { value: 2n } }, interfaces: [] },
    });
  });
});
