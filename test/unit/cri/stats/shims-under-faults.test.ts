import { memoryOf, metricOf, podMemoryOf, type Told, useStatsBench } from '../../../support/stats-bench';

const bench = useStatsBench();
const MEMORY = 'container_memory_usage_bytes';

const memories = (told: Told) =>
  [bench.now.sick, bench.now.well].map((each) => memoryOf(told, each)?.usageBytes?.value);
const podMemories = (told: Told) =>
  [bench.now.sick, bench.now.well].map((each) => podMemoryOf(told, each)?.usageBytes?.value);
const have50 = (...values: (bigint | undefined)[]): boolean => values.every((value) => value === 50n);

type How = () => Promise<never>;
const HOWS: [string, How][] = [
  ['fails', () => Promise.reject(new Error('EIO'))],
  ['hangs', () => new Promise<never>(() => undefined)],
];

describe('A shim, a cgroup or a network namespace that cannot be asked', () => {
  it.each([
    ['fails', {}],
    ['hangs', { hang: true }],
  ])('hides no other when the shim %s: its container is told as it was last', async (_how, how) => {
    const { rig, sick, well } = bench.now;
    const when = ({ filters }: Readonly<Record<string, unknown>>): boolean =>
      String(filters).includes(sick.metadata.id);
    const fault = (): void => rig.fake.fail('Tasks/Metrics', { nth: 'always', when, ...how });
    const [before, after] = await bench.now.beforeAndAfter(fault, (told) =>
      have50(memories(told)[1], ...podMemories(told)),
    );
    expect(memoryOf(after, sick)).toEqual(memoryOf(before, sick));
    expect(memories(after)).toEqual([5n, 50n]);
    expect([sick, well].map((each) => metricOf(after, each, MEMORY)?.value?.value)).toEqual([5n, 50n]);
    expect(after.pods.get(sick.metadata.sandboxId)?.linux?.containers).toHaveLength(1);
  });

  it.each(HOWS)('hides no other when the cgroup of a pod %s: the pod is told as it was last', async (_how, how) => {
    const { host } = bench.now.rig;
    const { sick } = bench.now;
    const fault = (): void => {
      const read = host.readCgroup.bind(host);
      host.readCgroup = async (path) => (path === '/kubepods/sick' ? how() : read(path));
    };
    const isSeen = (told: Told): boolean => have50(...memories(told), podMemories(told)[1]);
    const [before, after] = await bench.now.beforeAndAfter(fault, isSeen);
    expect(podMemoryOf(after, sick)).toEqual(podMemoryOf(before, sick));
    expect(podMemories(after)).toEqual([5n, 50n]);
    expect(after.metrics.size).toBe(2);
  });

  it.each(HOWS)('hides nothing else when the network of pods %s: it is told as it was last', async (_how, how) => {
    const { host } = bench.now.rig;
    const { well } = bench.now;
    const zero = { rxPackets: 0n, rxErrors: 0n, rxDropped: 0n, txPackets: 0n, txErrors: 0n, txDropped: 0n };
    host.netDevs.push({ name: 'eth0', rxBytes: 7n, txBytes: 8n, ...zero });
    const network = (told: Told) => told.pods.get(well.metadata.sandboxId)?.linux?.network;
    const received = (told: Told) => {
      const metrics = told.metrics.get(well.metadata.sandboxId)?.metrics;
      return metrics?.find(({ name }) => name === 'container_network_receive_bytes_total');
    };
    const fault = (): void => {
      host.netDevOfPid = how;
    };
    const isSeen = (told: Told): boolean => have50(...podMemories(told), ...memories(told));
    const [before, after] = await bench.now.beforeAndAfter(fault, isSeen);
    expect(network(before)?.defaultInterface?.rxBytes?.value).toBe(7n);
    expect(network(after)).toEqual(network(before));
    expect(received(before)?.value?.value).toBe(7n);
    expect(received(after)).toEqual(received(before));
  });
});

describe('What lies around the measurements', () => {
  it('hides nothing when containerd does not tell where a snapshotter keeps its files', async () => {
    bench.now.rig.fake.fail('Introspection/Plugins', { nth: 'always', hang: true });
    const told = await bench.now.ask();
    expect(told.filesystems).toHaveLength(2);
    expect(told.containers.size).toBe(2);
  });

  it.each(HOWS)('hides nothing when the filesystem below a snapshotter %s', async (_how, how) => {
    bench.now.rig.host.filesystemAt = how;
    const { well } = bench.now;
    await bench.now.told('its metrics are', (told) => metricOf(told, well, MEMORY)?.value?.value === 5n);
  });
});
