import { parseJson } from '../base/json/json';

/** A JSON object. */
export type JsonObject = Record<string, unknown>;

/** True for a JSON object: neither null nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The string, or '' for anything else. */
export function asString(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The members of a list that are objects; none when it is no list. */
export function asObjects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The members of a list that are strings; none when it is no list. */
export function asStrings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** The object in a JSON text, or undefined when there is none. `parse`: `parseForeignJson` for what a plugin says. */
export function parseObject(text: string, parse: (text: string) => unknown = parseJson): JsonObject | undefined {
  try {
    const value = parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
