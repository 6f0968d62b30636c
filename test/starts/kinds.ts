import { Code } from '../../src/rpc/code';
import type { Message } from '../support/daemon/daemon-methods';
import { isMessage, NAMING } from './calls';

/** How a whole call goes wrong. */
export type CallFault =
  | { readonly name: string; readonly kind: 'refused'; readonly code: number }
  | { readonly name: string; readonly kind: 'lost' | 'hangs' | 'never' | 'truncated' | 'empty' };

/** How one item of an answer goes wrong; `blurs`: the record cannot be read, so less can be told of it. */
export interface ItemFault {
  readonly name: string;
  readonly kind: 'item';
  readonly blurs: boolean;
  /** What stands in the item's place; undefined when this does nothing to an item of this kind. */
  readonly change: (item: Message, other: Message | undefined) => readonly Message[] | undefined;
}

export type FaultKind = CallFault | ItemFault;

/** `NOT_FOUND`, … : every code but OK. */
export const REFUSALS: readonly CallFault[] = Object.entries(Code)
  .filter((entry): entry is [string, Code] => typeof entry[1] === 'number' && entry[1] !== Code.OK)
  .map(([name, code]) => ({ name, kind: 'refused', code }));

const MISHAPS: readonly CallFault[] = [
  { name: 'answer lost', kind: 'lost' },
  { name: 'hangs', kind: 'hangs' },
  { name: 'never answers', kind: 'never' },
  { name: 'truncated', kind: 'truncated' },
  { name: 'empty', kind: 'empty' },
];

/** Every way for a call to go wrong. */
export const CALL_FAULTS: readonly CallFault[] = [...REFUSALS, ...MISHAPS];

/** Every way for one item of an answer to go wrong. */
export const ITEM_FAULTS: readonly ItemFault[] = [
  { name: 'left out', kind: 'item', blurs: false, change: () => [] },
  { name: 'twice', kind: 'item', blurs: false, change: (item) => [item, item] },
  { name: 'of another', kind: 'item', blurs: true, change: asAnother },
  { name: 'of version v9', kind: 'item', blurs: true, change: (item) => inExtensions(item, otherVersion) },
  { name: 'torn', kind: 'item', blurs: true, change: (item) => inExtensions(item, half) },
  { name: 'with a torn spec', kind: 'item', blurs: true, change: withTornSpec },
  { name: 'of a wrong type URL', kind: 'item', blurs: true, change: withWrongType },
  // As containerd answers when a shim has not answered within two seconds.
  { name: 'of status UNKNOWN', kind: 'item', blurs: false, change: withStatus(0) },
  { name: 'of status CREATED', kind: 'item', blurs: false, change: withStatus(1) },
  { name: 'of status STOPPED', kind: 'item', blurs: false, change: withStatus(3) },
];

function asAnother(item: Message, other: Message | undefined): Message[] | undefined {
  if (!other) return undefined;
  const own = NAMING.filter((field) => field in item).map((field) => [field, item[field]]);
  return [{ ...other, ...Object.fromEntries(own) }];
}

function inExtensions(item: Message, change: (value: Uint8Array) => Uint8Array): Message[] | undefined {
  if (!isMessage(item.extensions)) return undefined;
  const extensions = Object.entries(item.extensions).map(([key, any]) => {
    if (!isMessage(any) || !(any.value instanceof Uint8Array)) return [key, any];
    return [key, { ...any, value: change(any.value) }];
  });
  return [{ ...item, extensions: Object.fromEntries(extensions) }];
}

function otherVersion(value: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(value).toString('utf8').replace('"Version":"v1"', '"Version":"v9"'));
}

function half(value: Uint8Array): Uint8Array {
  return value.subarray(0, value.length >> 1);
}

function withTornSpec(item: Message): Message[] | undefined {
  if (!isMessage(item.spec) || !(item.spec.value instanceof Uint8Array)) return undefined;
  return [{ ...item, spec: { ...item.spec, value: half(item.spec.value) } }];
}

function withWrongType(item: Message): Message[] | undefined {
  if (!isMessage(item.extensions)) return undefined;
  const wrong = (any: unknown): unknown =>
    isMessage(any) && 'typeUrl' in any ? { ...any, typeUrl: 'no.such/Type' } : any;
  const extensions = Object.fromEntries(Object.entries(item.extensions).map(([key, any]) => [key, wrong(any)]));
  return [{ ...item, extensions, spec: wrong(item.spec) }];
}

/** A task that runs, with another status (containerd.v1.types.Status). */
function withStatus(status: number): (item: Message) => Message[] | undefined {
  return (item) => ('pid' in item && 'status' in item ? [{ ...item, status }] : undefined);
}

/** Half of a message's bytes. */
export function truncated(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.length >> 1);
}
