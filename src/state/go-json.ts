import {
  type JsonField,
  type JsonMessage,
  type JsonMessages,
  type JsonType,
  jsonFields,
} from '../../generated/cri/v1/json-fields';
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

/** The message that `value`, as base/json's parseJson gave it, stands for; absent fields get their zero value. */
export function fromGoJson<Name extends JsonMessage>(
  name: Name,
  value: unknown,
  options: GoJsonOptions = {},
): JsonMessages[Name] {
  return decodeMessage(name, value, { ...options, path: name }) as unknown as JsonMessages[Name];
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

type DecodeOptions = GoJsonOptions & { path: string };

function decodeMessage(name: JsonMessage, value: unknown, options: DecodeOptions): Plain {
  const json = value ?? {};
  if (!isPlain(json)) throw new GoJsonError(options.path, 'an object');
  const fields = jsonFields[name];
  const envs = options.envs ?? (name === 'ContainerConfig' ? envFormOf(json.envs) : undefined);
  const message: Plain = {};
  let known = 0;
  for (const field of fields) {
    const at = { envs, path: `${options.path}.${field.json}` };
    const isThere = Object.hasOwn(json, field.json);
    if (isThere) known += 1;
    message[field.key] = decodeField(name, field, isThere ? json[field.json] : undefined, at);
  }
  if (Object.keys(json).length === known) return message;
  const rest = unknownMembers(json, (key) => fields.some((field) => field.json === key));
  return rest ? { ...message, [UNKNOWN_KEYS]: rest } : message;
}

function decodeField(name: JsonMessage, field: JsonField, value: unknown, options: DecodeOptions): unknown {
  if (field.repeated) {
    const list = value ?? [];
    if (!Array.isArray(list)) throw new GoJsonError(options.path, 'a list');
    return list.map((item, index) => decodeValue(field.type, item, { ...options, path: `${options.path}[${index}]` }));
  }
  if (typeof field.type === 'object' && 'message' in field.type && (value === undefined || value === null)) {
    return undefined;
  }
  if (name === 'KeyValue' && field.type === 'bytes') {
    return fromEnvText(decodeScalar('string', value, options.path) as string, options.envs ?? 'string');
  }
  return decodeValue(field.type, value, options);
}

function decodeValue(type: JsonType, value: unknown, options: DecodeOptions): unknown {
  if (typeof type === 'string') return decodeScalar(type, value, options.path);
  if ('message' in type) return decodeMessage(type.message, value, options);
  const map = value ?? {};
  if (!isPlain(map)) throw new GoJsonError(options.path, 'an object');
  return mapped(map, Object.keys(map), (member) => decodeValue(type.map, member, options));
}

/** These members of a map, each as `change` makes it, as a map without a prototype. */
function mapped(map: Plain, keys: readonly string[], change: (member: unknown) => unknown): Plain {
  const result: Plain = Object.create(null);
  for (const key of keys) result[key] = change(map[key]);
  return result;
}

function decodeScalar(type: Extract<JsonType, string>, value: unknown, path: string): unknown {
  if (type === 'bool') return typed(value ?? false, 'boolean', path);
  if (type === 'number') return typed(value ?? 0, 'number', path);
  if (type === 'bigint') {
    if (typeof value === 'bigint') return value;
    const number = typed(value ?? 0, 'number', path) as number;
    if (!Number.isInteger(number)) throw new GoJsonError(path, 'an integer');
    return BigInt(number);
  }
  const text = typed(value ?? '', 'string', path) as string;
  return type === 'bytes' ? Buffer.from(text, 'base64') : text;
}

function typed(value: unknown, type: 'boolean' | 'number' | 'string', path: string): unknown {
  if (typeof value !== type) throw new GoJsonError(path, `a ${type}`);
  return value;
}

/** True for a JSON object: neither null nor a list. */
export function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}
