import {
  type ContainerEventResponse,
  ContainerEventType,
  ContainerState,
  PodSandboxState,
} from '../../generated/cri/v1/api';
import { until } from '../support/daemon/process';

const {
  CONTAINER_CREATED_EVENT: CREATED,
  CONTAINER_STARTED_EVENT: STARTED,
  CONTAINER_STOPPED_EVENT: STOPPED,
  CONTAINER_DELETED_EVENT: DELETED,
} = ContainerEventType;
/** An event is told when its RPC has been answered, or sooner; a reader may be behind. */
const COMES_MS = 10_000;

/** The events of one pod or container that lived to its end. */
export const WHOLE_LIFE: readonly ContainerEventType[] = [CREATED, STARTED, STOPPED, DELETED];
/** Of a container whose start failed. */
export const FAILED_START: readonly ContainerEventType[] = [CREATED, STOPPED, DELETED];
/** Of a container that was never started. */
export const NEVER_STARTED: readonly ContainerEventType[] = [CREATED, DELETED];

/** Every event that was told to a reader that stays. */
export class EventRecord {
  private readonly types = new Map<string, ContainerEventType[]>();
  private readonly closed = new Set<string>();
  /** All of them in the order in which they came. */
  private readonly places = new Map<string, number>();
  private readonly order: string[] = [];
  private lastAt = 0n;

  /** Notes an event, and answers what cannot be right about it. */
  take(event: ContainerEventResponse): string[] {
    const { containerId: id, containerEventType: type, createdAt } = event;
    const name = keyOf(event);
    const problems = wrongAbout(event).map((what) => `${name}: ${what}`);
    if (createdAt < this.lastAt) problems.push(`${name}: it is of ${createdAt}, the one before it of ${this.lastAt}`);
    if (this.closed.has(id)) problems.push(`${name}: it came after the removal`);
    this.lastAt = createdAt;
    this.types.set(id, [...(this.types.get(id) ?? []), type]);
    this.places.set(name, this.order.length);
    this.order.push(name);
    return problems;
  }

  /**
   * Waits for the removal of a pod or container to be told, and answers what is wrong with all that was told of it.
   * `expected` undefined: a call was cut off, and what came of it is not known; even so nothing comes twice or too late.
   */
  async close(id: string, expected: readonly ContainerEventType[] | undefined): Promise<string | undefined> {
    const told = async (): Promise<boolean> => this.types.get(id)?.includes(DELETED) ?? false;
    if (expected) await until(`${id} is removed`, COMES_MS, told, 10).catch(() => undefined); // the sequence tells
    const seen = this.types.get(id) ?? [];
    this.types.delete(id);
    if (expected || seen.includes(DELETED)) this.closed.add(id);
    return wrongSequence(seen, expected);
  }

  /** What another reader was told, from its first event to its last, was also told here without anything in between. */
  async missedBy(keys: readonly string[]): Promise<string | undefined> {
    const [first, last] = [keys[0], keys.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    await until(`the event ${last}`, COMES_MS, async () => this.places.has(last), 10).catch(() => undefined);
    const from = this.places.get(first);
    if (from === undefined) return `only the reader with a deadline was told ${first}`;
    const here = this.order.slice(from, from + keys.length);
    const at = here.findIndex((key, i) => key !== keys[i]);
    return at < 0 ? undefined : `the reader with a deadline was told ${keys[at]} where another was told ${here[at]}`;
  }
}

/** An event by what it is about. */
export function keyOf({ containerId, containerEventType }: ContainerEventResponse): string {
  return `${ContainerEventType[containerEventType]} of ${containerId}`;
}

/** Undefined when nothing is. */
export function wrongSequence(
  seen: readonly ContainerEventType[],
  expected: readonly ContainerEventType[] | undefined,
): string | undefined {
  const names = seen.map((type) => ContainerEventType[type]).join(', ');
  if (expected) return seen.join() === expected.join() ? undefined : `told were ${names || 'none'}`;
  const inOrder = seen.every((type, i) => i === 0 || type > (seen[i - 1] ?? type));
  return inOrder ? undefined : `told were ${names}`;
}

/** What an event says of its pod and container at its moment. */
function wrongAbout(event: ContainerEventResponse): string[] {
  const { containerId: id, containerEventType: type, podSandboxStatus: pod, containersStatuses } = event;
  if (type === DELETED) return [];
  if (!pod) return ['it has no status of the pod'];
  if (pod.id === id) {
    const right = type === STOPPED ? PodSandboxState.SANDBOX_NOTREADY : PodSandboxState.SANDBOX_READY;
    return pod.state === right ? [] : [`its pod is ${PodSandboxState[pod.state]}`];
  }
  const status = containersStatuses.find((each) => each.id === id);
  if (!status) return ['it has no status of the container'];
  const { CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED } = ContainerState;
  const right: Partial<Record<ContainerEventType, readonly ContainerState[]>> = {
    [CREATED]: [CONTAINER_CREATED, CONTAINER_RUNNING, CONTAINER_EXITED],
    [STARTED]: [CONTAINER_RUNNING, CONTAINER_EXITED],
    [STOPPED]: [CONTAINER_EXITED],
  };
  return right[type]?.includes(status.state) ? [] : [`the container is ${ContainerState[status.state]}`];
}
