import {
  ContainerEventResponse,
  ContainerEventType,
  ContainerState,
  type DeepPartial,
  PodSandboxState,
} from '../../../generated/cri/v1/api';
import { EventRecord, FAILED_START, keyOf, NEVER_STARTED, WHOLE_LIFE, wrongSequence } from '../../soak/event-record';

const {
  CONTAINER_CREATED_EVENT: CREATED,
  CONTAINER_STARTED_EVENT: STARTED,
  CONTAINER_STOPPED_EVENT: STOPPED,
  CONTAINER_DELETED_EVENT: DELETED,
} = ContainerEventType;

const STATES = {
  [CREATED]: ContainerState.CONTAINER_CREATED,
  [STARTED]: ContainerState.CONTAINER_RUNNING,
  [STOPPED]: ContainerState.CONTAINER_EXITED,
  [DELETED]: ContainerState.CONTAINER_EXITED,
};

let clock = 0n;

/** An event of a container in pod `p`, as it should be told. */
function event(id: string, type: keyof typeof STATES, change: DeepPartial<ContainerEventResponse> = {}) {
  clock += 1n;
  return ContainerEventResponse.fromPartial({
    containerId: id,
    containerEventType: type,
    createdAt: clock,
    podSandboxStatus: { id: 'p', state: PodSandboxState.SANDBOX_READY },
    containersStatuses: [{ id, state: STATES[type] }],
    ...change,
  });
}

/** A record that was told these events. */
function recordOf(...events: ContainerEventResponse[]): EventRecord {
  const record = new EventRecord();
  for (const each of events) record.take(each);
  return record;
}

describe('The events of a pod or container', () => {
  it('are right when each came once and in order', async () => {
    const record = recordOf(event('a', CREATED), event('a', STARTED), event('a', STOPPED), event('a', DELETED));
    expect(await record.close('a', WHOLE_LIFE)).toBeUndefined();
  });

  it.each([
    ['one is missing', [CREATED, STARTED, DELETED], WHOLE_LIFE],
    ['one came twice', [CREATED, STARTED, STOPPED, STOPPED, DELETED], WHOLE_LIFE],
    ['two are the other way round', [CREATED, STOPPED, STARTED, DELETED], WHOLE_LIFE],
    ['it was told of a start that failed', [CREATED, STARTED, STOPPED, DELETED], FAILED_START],
    ['it was told of an end though it never ran', [CREATED, STOPPED, DELETED], NEVER_STARTED],
    ['one came twice, and it is not known which should', [CREATED, CREATED], undefined],
    ['its start came after its end, and it is not known which should', [STOPPED, STARTED], undefined],
  ])('are wrong when %s', (_, seen, expected) => {
    expect(wrongSequence(seen, expected)).toMatch(/^told were CONTAINER_/);
  });

  it('may be any of them in order where a call was cut off', () => {
    for (const seen of [[], [DELETED], [CREATED, DELETED], [CREATED, STARTED, STOPPED, DELETED]])
      expect(wrongSequence(seen, undefined)).toBeUndefined();
  });

  it('are over with the removal', async () => {
    const record = recordOf(event('a', CREATED), event('a', DELETED));
    await record.close('a', NEVER_STARTED);
    expect(record.take(event('a', DELETED))).toEqual(['CONTAINER_DELETED_EVENT of a: it came after the removal']);
  });
});

describe('An event', () => {
  it('is right with the states of its moment', () => {
    for (const type of [CREATED, STARTED, STOPPED, DELETED] as const)
      expect(new EventRecord().take(event('a', type))).toEqual([]);
    const pod = { containersStatuses: [], podSandboxStatus: { id: 'p', state: PodSandboxState.SANDBOX_NOTREADY } };
    expect(new EventRecord().take(event('p', STOPPED, pod))).toEqual([]);
  });

  it.each<[string, ContainerEventResponse, RegExp]>([
    ['no pod', event('a', STARTED, { podSandboxStatus: undefined }), /it has no status of the pod/],
    ['no container', event('a', STARTED, { containersStatuses: [] }), /it has no status of the container/],
    [
      'an end of what runs',
      event('a', STOPPED, { containersStatuses: [{ id: 'a', state: ContainerState.CONTAINER_RUNNING }] }),
      /the container is CONTAINER_RUNNING/,
    ],
    ['an end of a pod that is ready', event('p', STOPPED), /its pod is SANDBOX_READY/],
  ])('is wrong with %s', (_, wrong, message) => {
    expect(new EventRecord().take(wrong)).toEqual([expect.stringMatching(message)]);
  });

  it('is wrong when it is older than the one before it', () => {
    const old = event('a', CREATED);
    expect(recordOf(event('b', CREATED)).take(old)).toEqual([expect.stringMatching(/the one before it of/)]);
  });
});

describe('A reader with a deadline', () => {
  const events = [event('a', CREATED), event('b', CREATED), event('a', STARTED), event('b', STARTED)];
  const keys = events.map(keyOf);

  it('has missed nothing when it was told a part without a gap', async () => {
    expect(await recordOf(...events).missedBy(keys.slice(1, 3))).toBeUndefined();
    expect(await recordOf(...events).missedBy([])).toBeUndefined();
  });

  it('has missed what another was told meanwhile', async () => {
    const missed = await recordOf(...events).missedBy([keys[0] ?? '', keys[2] ?? '']);
    expect(missed).toBe(
      'the reader with a deadline was told CONTAINER_STARTED_EVENT of a where another was told CONTAINER_CREATED_EVENT of b',
    );
  });
});
