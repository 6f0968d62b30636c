import {
  type ContainerEventResponse,
  ContainerEventType,
  type ContainerStatus,
  ContainerStatus as Status,
} from '../../../generated/cri/v1/api';
import { silentLogger } from '../../../src/base/logger';
import { ContainerEvents, EventsDropped } from '../../../src/state/container-events';

const { CONTAINER_STARTED_EVENT } = ContainerEventType;
const MIB = 1024 * 1024;

/** Events of one pod whose status, as it is sent, has about `annotationBytes`. */
function setUp(annotationBytes: number) {
  const warnings: string[] = [];
  const annotations = { note: 'x'.repeat(annotationBytes) };
  const statuses: ContainerStatus[] = [Status.fromPartial({ id: 'a', annotations })];
  const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const events = new ContainerEvents(() => ({ containersStatuses: statuses }), log);
  const publish = (count: number): void => {
    for (let at = 0; at < count; at++) events.publish(`c${at}`, 'pod', CONTAINER_STARTED_EVENT);
  };
  const subscribe = (signal = new AbortController().signal) => events.subscribe(signal)[Symbol.asyncIterator]();
  return { events, warnings, publish, subscribe };
}

async function take(events: AsyncIterator<ContainerEventResponse>, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) ids.push((await events.next()).value.containerId);
  return ids;
}

const firstIds = (count: number): string[] => Array.from({ length: count }, (_, at) => `c${at}`);

describe('The backlog of a subscriber', () => {
  it.each([
    { what: 'few big events', annotationBytes: MIB, events: 17 },
    { what: 'many small events', annotationBytes: 10, events: 4097 },
  ])('ends the stream when $what are not read, and keeps none of them', async ({ annotationBytes, events }) => {
    const { publish, subscribe, warnings } = setUp(annotationBytes);
    const reader = subscribe();
    publish(events * 2);
    expect(warnings).toHaveLength(1);
    await expect(reader.next()).rejects.toThrow(EventsDropped);
    expect((await reader.next()).done).toBe(true);
  });

  it.each([
    { what: '15 MiB of events', annotationBytes: MIB, events: 15 },
    { what: '4096 events', annotationBytes: 10, events: 4096 },
  ])('holds $what, in order', async ({ annotationBytes, events }) => {
    const { publish, subscribe, warnings } = setUp(annotationBytes);
    const reader = subscribe();
    publish(events);
    expect(await take(reader, events)).toEqual(firstIds(events));
    expect(warnings).toEqual([]);
  });

  it('counts only what is not read yet: a reader that keeps up gets everything', async () => {
    const { publish, subscribe } = setUp(MIB);
    const reader = subscribe();
    for (let round = 0; round < 5; round++) {
      const reading = take(reader, 10);
      publish(10);
      expect(await reading).toEqual(firstIds(10));
    }
  });

  it('belongs to that subscriber alone: others, and later ones, miss nothing', async () => {
    const { publish, subscribe } = setUp(MIB);
    const stalled = subscribe();
    const other = subscribe();
    for (let round = 0; round < 3; round++) {
      publish(10);
      expect(await take(other, 10)).toEqual(firstIds(10));
    }
    await expect(stalled.next()).rejects.toThrow('16 events');
    const again = subscribe();
    publish(2);
    expect(await take(again, 2)).toEqual(firstIds(2));
  });
});

describe('The time of an event', () => {
  const { CONTAINER_CREATED_EVENT, CONTAINER_STOPPED_EVENT, CONTAINER_DELETED_EVENT } = ContainerEventType;
  const SECOND = 1_000_000_000n;
  afterEach(() => jest.restoreAllMocks());

  /** The events of container `a` with these times of it, each published at a second of the clock. */
  async function timesOf(published: [ContainerEventType, number, Partial<ContainerStatus>][]): Promise<bigint[]> {
    let statuses: ContainerStatus[] = [];
    const events = new ContainerEvents(() => ({ containersStatuses: statuses }), silentLogger);
    const reader = events.subscribe(new AbortController().signal)[Symbol.asyncIterator]();
    for (const [type, second, times] of published) {
      jest.spyOn(Date, 'now').mockReturnValue(second * 1000);
      statuses = type === CONTAINER_DELETED_EVENT ? [] : [Status.fromPartial({ id: 'a', ...times })];
      events.publish('a', 'pod', type);
    }
    jest.restoreAllMocks();
    const found: bigint[] = [];
    while (found.length < published.length) found.push((await reader.next()).value.createdAt / SECOND);
    return found;
  }

  it('is never before what it tells of its container', async () => {
    const times = { createdAt: 1n * SECOND, startedAt: 5n * SECOND, finishedAt: 7n * SECOND };
    expect(await timesOf([[CONTAINER_STOPPED_EVENT, 6, times]])).toEqual([7n]);
    expect(await timesOf([[CONTAINER_STOPPED_EVENT, 8, times]])).toEqual([8n]);
  });

  it('is never before the event of the same container before it, also when the clock is set back', async () => {
    const found = await timesOf([
      [CONTAINER_CREATED_EVENT, 10, {}],
      [CONTAINER_STARTED_EVENT, 4, {}],
      [CONTAINER_DELETED_EVENT, 5, {}],
      [CONTAINER_CREATED_EVENT, 6, {}], // another of the same id
    ]);
    expect(found).toEqual([10n, 10n, 10n, 6n]);
  });
});
