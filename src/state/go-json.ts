import {
  type JsonField,
  type JsonMessage,
  type JsonMessages,
  type JsonType,
  jsonFields,
} from '../../generated/cri/v1/json-fields';
import { eachOf, type Pieces } from '../base/work/pieces';
import { type EnvForm, envFormOf, fromEnvText, toEnvText } from './env-form';

/**
 * CRI messages as Go's encoding/json writes the structs of the protobuf: the plugin keeps them so in its records. Keys
 * are the names in the .proto, enums are numbers, bytes are base64, 64-bit integers are plain numbers, and what is zero
 * or empty is left out, but a message that is set is written even when nothing is in it.
 */

/**
 * Under this symbol a decoded message holds the members it has no field for, so that writing it again keeps what a newer
 * program stored. A spread copies it; protobuf and JSON.stringify do not see it.
 */
export const UNKNOWN_KEYS: unique symbol = Symbol('unknown keys');

/** How KeyValue.value is written; see env-form.ts. Reading finds it out when it is not said. */
export interface GoJsonOptions {
  envs?: EnvForm;
}

/** A stored value is not of the type that its field has. `path` names the field. */
export class GoJsonError extends Error {
  override readonly name = 'GoJsonError';
  constructor(path: string, wanted: string) {
    super(`${path}: is not ${wanted}`);
  }
}

/** Where in a stored message a value is; it becomes a text only once something is wrong there. And how variables stand there. */
interface Place {
  readonly above?: Place;
  /** Of the field or, in a list, of the item. */
  readonly name: string | number;
  readonly envs?: EnvForm;
}

function pathOf({ above, name }: Place): string {
  if (!above) return String(name);
  return typeof name === 'number' ? `${pathOf(above)}[${name}]` : `${pathOf(above)}.${name}`;
}

type Plain = Record<string, unknown>;

/** The members of `object` whose keys are not in `known`, or undefined when there are none. */
export function unknownMembers(object: Plain, known: (key: string) => boolean): Plain | undefined {
  const rest = Object.entries(object).filter(([key]) => !known(key));
  return rest.length === 0 ? undefined : Object.fromEntries(rest);
}

/** What unknownMembers has put into a decoded value; nothing for one that was made here. */
export function keptMembers(value: object): Plain {
  const kept: unknown = Reflect.get(value, UNKNOWN_KEYS);
  return isPlain(kept) ? kept : {};
}

/** The message as a plain value for base/json's stringifyJson. Invalid UTF-8 in an environment value is replaced. */
export function toGoJson<Name extends JsonMessage>(
  name: Name,
  message: JsonMessages[Name],
  options: GoJsonOptions = {},
): Plain {
  return encodeMessage(name, message as unknown as Plain, options);
}

/** The same in pieces: each item of the message's own lists is a member of one. */
export function* toGoJsonPieces<Name extends JsonMessage>(
  name: Name,
  message: JsonMessages[Name],
  options: GoJsonOptions = {},
): Pieces<Plain> {
  const value = message as unknown as Plain;
  const lists = listsOf(name, (field) => value[field.key]);
  // One item of each, so that its member has its place.
  const outline = Object.fromEntries(lists.map(([field, list]) => [field.key, list.slice(0, 1)]));
  const members = encodeMessage(name, { ...value, ...outline }, options);
  for (const [{ json, type }, list] of lists) {
    const items: unknown[] = [];
    yield* eachOf(list, (item) => items.push(encodeValue(type, item, options)));
    members[json] = items;
  }
  return members;
}

/** The message that `value`, as base/json's parseJson gave it, stands for; absent fields get their zero value. */
export function fromGoJson<Name extends JsonMessage>(
  name: Name,
  value: unknown,
  options: GoJsonOptions = {},
): JsonMessages[Name] {
  return decodeMessage(name, value, { name, envs: options.envs }) as unknown as JsonMessages[Name];
}

/** The same in pieces: each item of the message's own lists is a member of one. */
export function* fromGoJsonPieces<Name extends JsonMessage>(
  name: Name,
  value: unknown,
  options: GoJsonOptions = {},
): Pieces<JsonMessages[Name]> {
  const json = isPlain(value) ? value : {};
  const lists = listsOf(name, (field) => (Object.hasOwn(json, field.json) ? json[field.json] : undefined));
  const outline = Object.fromEntries(lists.map(([field]) => [field.json, []]));
  const place = { name, envs: options.envs ?? formOf(name, json) };
  const message = decodeMessage(name, isPlain(value) ? { ...value, ...outline } : value, place);
  for (const [field, list] of lists) {
    const above = { above: place, name: field.json };
    const items: unknown[] = [];
    yield* eachOf(list, (item, at) => items.push(decodeValue(field.type, item, { ...place, above, name: at })));
    message[field.key] = items;
  }
  return message as unknown as JsonMessages[Name];
}

/** The lists of a message that have anything in them. */
function listsOf(name: JsonMessage, value: (field: JsonField) => unknown): [JsonField, readonly unknown[]][] {
  return jsonFields[name].flatMap((field): [JsonField, readonly unknown[]][] => {
    const list = field.repeated ? value(field) : undefined;
    return Array.isArray(list) && list.length > 0 ? [[field, list]] : [];
  });
}

/** How variables stand in a stored message; undefined for one that has none of its own. */
function formOf(name: JsonMessage, json: Plain): EnvForm | undefined {
  return name === 'ContainerConfig' ? envFormOf(json.envs) : undefined;
}

function encodeMessage(name: JsonMessage, message: Plain, options: GoJsonOptions): Plain {
  const members: Plain = {};
  for (const field of jsonFields[name]) {
    const value = message[field.key];
    if (!isZero(field.type, value)) members[field.json] = encodeField(name, field, value, options);
  }
  if (!(UNKNOWN_KEYS in message)) return members;
  return Object.fromEntries([...Object.entries(members), ...Object.entries(keptMembers(message))]);
}

function encodeField(name: JsonMessage, field: JsonField, value: unknown, options: GoJsonOptions): unknown {
  if (name === 'KeyValue' && field.type === 'bytes') return toEnvText(value as Buffer, options.envs ?? 'string');
  if (field.repeated) return (value as unknown[]).map((item) => encodeValue(field.type, item, options));
  return encodeValue(field.type, value, options);
}

function encodeValue(type: JsonType, value: unknown, options: GoJsonOptions): unknown {
  if (type === 'bytes') return (value as Buffer).toString('base64');
  if (typeof type === 'string') return value;
  if ('message' in type) return encodeMessage(type.message, value as Plain, options);
  return mapped(value as Plain, Object.keys(value as Plain).sort(), (member) => encodeValue(type.map, member, options));
}

/** What `omitempty` leaves out: an empty list or map, but not a message that is set and has nothing in it. */
function isZero(type: JsonType, value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value) || Buffer.isBuffer(value)) return value.length === 0;
  if (typeof type === 'object') return 'map' in type && Object.keys(value).length === 0;
  return value === '' || value === 0 || value === 0n || value === false;
}

function decodeMessage(name: JsonMessage, value: unknown, place: Place): Plain {
  const json = value ?? {};
  if (!isPlain(json)) throw new GoJsonError(pathOf(place), 'an object');
  const fields = jsonFields[name];
  const envs = place.envs ?? formOf(name, json);
  const message: Plain = {};
  let known = 0;
  for (const field of fields) {
    const isThere = Object.hasOwn(json, field.json);
    if (isThere) known += 1;
    const at = { above: place, name: field.json, envs };
    message[field.key] = decodeField(name, field, isThere ? json[field.json] : undefined, at);
  }
  if (Object.keys(json).length === known) return message;
  const rest = unknownMembers(json, (key) => fields.some((field) => field.json === key));
  return rest ? { ...message, [UNKNOWN_KEYS]: rest } : message;
}

function decodeField(name: JsonMessage, field: JsonField, value: unknown, place: Place): unknown {
  if (field.repeated) {
    const list = value ?? [];
    if (!Array.isArray(list)) throw new GoJsonError(pathOf(place), 'a list');
    const { envs } = place;
    return list.map((item, index) => decodeValue(field.type, item, { above: place, name: index, envs }));
  }
  if (typeof field.type === 'object' && 'message' in field.type && (value === undefined || value === null)) {
    return undefined;
  }
  if (name === 'KeyValue' && field.type === 'bytes') {
    return fromEnvText(decodeScalar('string', value, place) as string, place.envs ?? 'string');
  }
  return decodeValue(field.type, value, place);
}

function decodeValue(type: JsonType, value: unknown, place: Place): unknown {
  if (typeof type === 'string') return decodeScalar(type, value, place);
  if ('message' in type) return decodeMessage(type.message, value, place);
  const map = value ?? {};
  if (!isPlain(map)) throw new GoJsonError(pathOf(place), 'an object');
  return mapped(map, Object.keys(map), (member) => decodeValue(type.map, member, place));
}

/** These members of a map, each as `change` makes it, as a map without a prototype. */
function mapped(map: Plain, keys: readonly string[], change: (member: unknown) => unknown): Plain {
  const result: Plain = Object.create(null);
  for (const key of keys) result[key] = change(map[key]);
  return result;
}

function decodeScalar(type: Extract<JsonType, string>, value: unknown, place: Place): unknown {
  if (type === 'bool') return typed(value ?? false, 'boolean', place);
  if (type === 'number') return typed(value ?? 0, 'number', place);
  if (type === 'bigint') {
    if (typeof value === 'bigint') return value;
    const number = typed(value ?? 0, 'number', place) as number;
    if (!Number.isInteger(number)) throw new GoJsonError(pathOf(place), 'an integer');
    return BigInt(number);
  }
  const text = typed(value ?? '', 'string', place) as string;
  return type === 'bytes' ? Buffer.from(text, 'base64') : text;
}

function typed(value: unknown, type: 'boolean' | 'number' | 'string', place: Place): unknown {
  if (typeof value !== type) throw new GoJsonError(pathOf(place), `a ${type}`);
  return value;
}

/** True for a JSON object: neither null nor a list. */
export function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}
