import type { Message } from '../support/daemon/daemon-methods';
import type { ProxiedCall } from '../support/daemon/fault-proxy';
import type { NamedPod } from './start-pods';
import { withRoles } from './world';

/** A kind of call that a start makes: the method, and what the request is about. */
export interface CallKind {
  /** `Tasks/Get`. */
  readonly method: string;
  /** `bridge/app`; empty when the request names nothing. */
  readonly about: string;
}

/** `Tasks/Get of bridge/app`. */
export function callName({ method, about }: CallKind): string {
  return about ? `${method} of ${about}` : method;
}

const LONGEST = 70;

/** Which kind of call it is. */
export function kindOf({ method, request }: ProxiedCall, pods: readonly NamedPod[]): CallKind {
  const about = withRoles(textsIn(request).join(' '), pods);
  return { method, about: about.length > LONGEST ? `${about.slice(0, LONGEST)}…` : about };
}

/** Every text that a message has, in the order of its fields. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return value === '' ? [] : [value];
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  return Object.values(value).flatMap(textsIn);
}

/** One of the things that an answer is about, and how to put another in its place. */
export interface Item {
  readonly value: Message;
  replace(next: readonly Message[]): void;
}

/** The records, tasks, snapshots, … in the answers of one call: members of its lists, or its one message. */
export function itemsIn(answers: Message[]): Item[] {
  return answers.flatMap((answer) =>
    Object.entries(answer).flatMap(([field, value]) => {
      if (Array.isArray(value)) {
        return value.filter(isMessage).map(
          (item): Item => ({
            value: item,
            replace: (next) => {
              const list = answer[field] as unknown[];
              list.splice(list.indexOf(item), 1, ...next);
            },
          }),
        );
      }
      if (!isMessage(value)) return [];
      return [
        {
          value,
          // A stream has a message for each; the call of one item has one message.
          replace: (next: readonly Message[]) => {
            const at = answers.indexOf(answer);
            answers.splice(at, 1, ...next.map((each) => ({ ...answer, [field]: each })));
          },
        },
      ];
    }),
  );
}

/** Fields that say which one an item is, by the services' messages. */
export const NAMING = ['id', 'containerId', 'key', 'name', 'sandboxId'];

/** Whether the item is that of `id`: a container's record names its pod too, in another field. */
export function isOf(item: Message, id: string): boolean {
  return NAMING.some((field) => item[field] === id);
}

export function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && !Array.isArray(value);
}

/** Whether answers of this method have items. */
export function canHold(method: string): boolean {
  return /\/(Get|List|ListStream)$/.test(method);
}
