import { beyondLimits } from '../../base/json/json-size';
import { refused } from '../errors';
import { MAX_JSON_DEPTH, MAX_JSON_MARKS, MAX_NAME } from './document-limits';

/** Characters of a key that an error quotes. */
const MAX_SHOWN = 100;

/** An object read from somebody else's JSON: nothing is known of its members. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Parses bytes that must be one JSON object; `what` names them in the PullError that is thrown otherwise. */
export function parseObject(data: Buffer, what: string): JsonObject {
  const beyond = beyondLimits(data, { marks: MAX_JSON_MARKS, depth: MAX_JSON_DEPTH });
  if (beyond === 'marks') throw refused(`${what} has more than ${MAX_JSON_MARKS} commas, colons and brackets`);
  if (beyond === 'depth') throw refused(`${what} has brackets within brackets, more than ${MAX_JSON_DEPTH} of them`);
  let value: unknown;
  try {
    value = JSON.parse(data.toString('utf8'));
  } catch {
    throw refused(`${what} is not JSON`);
  }
  return objectOf(value, what);
}

/** `value` as an object. */
export function objectOf(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refused(`${what} is not an object`);
  return value as JsonObject;
}

/** `value` as a string; absent or null is the empty one, as Go writes and reads it. */
export function stringOf(value: unknown, what: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw refused(`${what} is not a string`);
  return value;
}

/** As `stringOf`, for a string that has a length to keep to. */
export function shortStringOf(value: unknown, what: string, most = MAX_NAME): string {
  const text = stringOf(value, what);
  if (text.length > most) throw refused(`${what} has more than ${most} characters`);
  return text;
}

/** `value` as a list; absent or null is the empty one. */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw refused(`${what} is not a list`);
  return value;
}

/** `value` as a list of strings; absent or null is the empty one. */
export function stringsOf(value: unknown, what: string): string[] {
  return listOf(value, what).map((item) => {
    if (typeof item !== 'string') throw refused(`${what} is not a list of strings`);
    return item;
  });
}

/** `value` as names with strings; absent or null is the empty one. A name such as `__proto__` is like any other. */
export function stringMapOf(value: unknown, what: string): Record<string, string> {
  if (value === undefined || value === null) return {};
  const entries = Object.entries(objectOf(value, what));
  return Object.fromEntries(
    entries.map(([key, item]) => [key, stringOf(item, `"${key.slice(0, MAX_SHOWN)}" of ${what}`)]),
  );
}
