import { isAbsolute, normalize } from 'node:path';
import { parseDuration } from './duration';

/** A configuration that cannot be used; the message starts with the path of the key at fault. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(
    readonly path: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(path === '' ? problem : `${path}: ${problem}`, options);
  }
}

/** One key of the configuration: its default as TOML would give it, how its value is checked, a line of documentation. */
export interface Setting<T> {
  readonly initial: unknown;
  readonly doc: string;
  /** What may be written, in words for the documentation. */
  readonly accepts: string;
  /** The checked value; throws ConfigError naming `path`. */
  read(raw: unknown, path: string): T;
}

/** A table of settings and further tables. */
export interface Shape {
  readonly [key: string]: Setting<unknown> | Shape;
}

/** The type of the configuration that a shape describes. */
export type Infer<S> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : Infer<S[K]>;
};

/** A setting that is a map of equally shaped tables, one per name. */
export interface TablesSetting<S extends Shape> extends Setting<Readonly<Record<string, Infer<S>>>> {
  readonly shape: S;
  /** The tables that are always there. */
  readonly tables: NamedTables;
}

type NamedTables = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** True for a setting, false for a table of them. */
export function isSetting(entry: Setting<unknown> | Shape): entry is Setting<unknown> {
  return typeof entry.read === 'function';
}

/** True for a map of tables. */
export function isTables(setting: Setting<unknown>): setting is TablesSetting<Shape> {
  return 'shape' in setting;
}

/** True for a plain TOML table. */
export function isTable(raw: unknown): raw is Record<string, unknown> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw) && !(raw instanceof Date);
}

type Check = (value: string) => string | undefined;

function requireText(raw: unknown, path: string): string {
  if (typeof raw !== 'string') throw new ConfigError(path, `must be a string, not ${nameOfType(raw)}`);
  return raw;
}

function checkedText(initial: string, doc: string, accepts: string, convert: (text: string, path: string) => string) {
  return { initial, doc, accepts, read: (raw: unknown, path: string) => convert(requireText(raw, path), path) };
}

/** Any text; `check` answers what is wrong with it. */
export function text(initial: string, doc: string, check?: Check): Setting<string> {
  return checkedText(initial, doc, 'text', (value, path) => {
    const problem = check?.(value);
    if (problem !== undefined) throw new ConfigError(path, problem);
    return value;
  });
}

/** Text that must not be empty. */
export function word(initial: string, doc: string): Setting<string> {
  return text(initial, doc, (value) => (value === '' ? 'must not be empty' : undefined));
}

/** One of a few words. */
export function oneOf<const T extends string>(choices: readonly T[], initial: T, doc: string): Setting<T> {
  const accepts = choices.map((choice) => `\`${choice}\``).join(', ');
  const read = (raw: unknown, path: string): T => {
    const found = choices.find((choice) => choice === raw);
    if (found === undefined) throw new ConfigError(path, `must be one of ${choices.join(', ')}`);
    return found;
  };
  return { initial, doc, accepts, read };
}

/** An absolute path, read in its shortest form without a slash at its end. */
export function path(initial: string, doc: string): Setting<string> {
  return checkedText(initial, doc, 'absolute path', absolute);
}

/** An absolute path, or empty for none. */
export function optionalPath(doc: string): Setting<string> {
  return checkedText('', doc, 'absolute path or empty', (value, at) => (value === '' ? '' : absolute(value, at)));
}

/** The path of a unix socket; `unix://` before it is dropped. */
export function socket(initial: string, doc: string): Setting<string> {
  return checkedText(initial, doc, 'socket path, with or without `unix://`', (value, at) =>
    absolute(value.replace(/^unix:\/\//, ''), at),
  );
}

/** Absolute paths separated by colons, searched in order; may be empty. */
export function searchPath(initial: string, doc: string): Setting<string> {
  return checkedText(initial, doc, 'absolute paths separated by `:`', (value, at) =>
    value === ''
      ? ''
      : value
          .split(':')
          .map((part) => absolute(part, at))
          .join(':'),
  );
}

/** True or false. */
export function flag(initial: boolean, doc: string): Setting<boolean> {
  const read = (raw: unknown, at: string): boolean => {
    if (typeof raw !== 'boolean') throw new ConfigError(at, `must be true or false, not ${nameOfType(raw)}`);
    return raw;
  };
  return { initial, doc, accepts: '`true` or `false`', read };
}

/** True, false, or `auto`. */
export function flagOrAuto(doc: string): Setting<boolean | 'auto'> {
  const read = (raw: unknown, at: string): boolean | 'auto' => {
    if (raw !== 'auto' && typeof raw !== 'boolean') throw new ConfigError(at, 'must be true, false or "auto"');
    return raw;
  };
  return { initial: 'auto', doc, accepts: '`auto`, `true` or `false`', read };
}

/** A whole number within limits, both included. */
export function integer(
  initial: number,
  doc: string,
  limits: { min: number; max?: number } = { min: 0 },
): Setting<number> {
  const { min, max = Number.MAX_SAFE_INTEGER } = limits;
  const range = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `${min} to ${max}`;
  const read = (raw: unknown, at: string): number => {
    if (typeof raw !== 'number' || !Number.isSafeInteger(raw)) {
      throw new ConfigError(at, `must be a whole number, not ${nameOfType(raw)}`);
    }
    if (raw < min || raw > max) throw new ConfigError(at, `must be ${range}, not ${raw}`);
    return raw;
  };
  return { initial, doc, accepts: `whole number, ${range}`, read };
}

/** A span of time such as `90s` or `1h30m`; its value is in milliseconds. */
export function duration(initial: string, doc: string): Setting<number> {
  const read = (raw: unknown, at: string): number => {
    const ms = parseDuration(requireText(raw, at));
    if (ms === undefined) throw new ConfigError(at, `"${String(raw)}" is not a duration such as "90s" or "1h30m"`);
    return ms;
  };
  return { initial, doc, accepts: 'duration such as `90s` or `1h30m`', read };
}

/** A list of texts. */
export function texts(initial: readonly string[], doc: string): Setting<readonly string[]> {
  return { initial, doc, accepts: 'list of texts', read: (raw, at) => readList(raw, at, requireText) };
}

/** A list of absolute paths. */
export function paths(initial: readonly string[], doc: string): Setting<readonly string[]> {
  const one = (raw: unknown, at: string): string => absolute(requireText(raw, at), at);
  return { initial, doc, accepts: 'list of absolute paths', read: (raw, at) => readList(raw, at, one) };
}

/** A table whose keys are somebody else's business. */
export function freeTable(doc: string): Setting<Readonly<Record<string, unknown>>> {
  const read = (raw: unknown, at: string): Record<string, unknown> => {
    if (!isTable(raw)) throw new ConfigError(at, `must be a table, not ${nameOfType(raw)}`);
    return raw;
  };
  return { initial: {}, doc, accepts: 'table', read };
}

/**
 * A map of tables of one shape. The tables of `initial` are always there; a file adds to them or changes keys in them,
 * as containerd's own configuration does.
 */
export function tables<const S extends Shape>(shape: S, initial: NamedTables, doc: string): TablesSetting<S> {
  const read = (raw: unknown, at: string): Readonly<Record<string, Infer<S>>> => {
    if (!isTable(raw)) throw new ConfigError(at, `must be a table of tables, not ${nameOfType(raw)}`);
    const names = [...new Set([...Object.keys(initial), ...Object.keys(raw)])];
    const entries = names.map((name): [string, Infer<S>] => {
      const here = `${at}.${name}`;
      const own = raw[name] ?? {};
      if (!isTable(own)) throw new ConfigError(here, `must be a table, not ${nameOfType(own)}`);
      return [name, readShape(shape, { ...initial[name], ...own }, here)];
    });
    return Object.fromEntries(entries);
  };
  return { initial, doc, accepts: 'tables', shape, tables: initial, read };
}

/** The configuration that `raw` and the defaults of `shape` make together; refuses keys that the shape lacks. */
export function readShape<S extends Shape>(shape: S, raw: Record<string, unknown>, at = ''): Infer<S> {
  const pathOf = (key: string): string => (at === '' ? key : `${at}.${key}`);
  for (const key of Object.keys(raw)) {
    if (!Object.hasOwn(shape, key)) throw new ConfigError(pathOf(key), 'unknown key');
  }
  const entries = Object.entries(shape).map(([key, entry]): [string, unknown] => {
    const here = pathOf(key);
    if (isSetting(entry)) return [key, entry.read(raw[key] ?? entry.initial, here)];
    const table = raw[key] ?? {};
    if (!isTable(table)) throw new ConfigError(here, `must be a table, not ${nameOfType(table)}`);
    return [key, readShape(entry, table, here)];
  });
  // Every key of the shape was read by its own setting just above.
  return Object.fromEntries(entries) as Infer<S>;
}

function readList(raw: unknown, at: string, one: (item: unknown, path: string) => string): readonly string[] {
  if (!Array.isArray(raw)) throw new ConfigError(at, `must be a list of strings, not ${nameOfType(raw)}`);
  return raw.map((item, index) => one(item, `${at}[${index}]`));
}

function absolute(value: string, at: string): string {
  if (!isAbsolute(value)) throw new ConfigError(at, `"${value}" is not an absolute path`);
  const short = normalize(value);
  return short.length > 1 && short.endsWith('/') ? short.slice(0, -1) : short;
}

function nameOfType(raw: unknown): string {
  if (Array.isArray(raw)) return 'a list';
  if (raw instanceof Date) return 'a date';
  if (typeof raw === 'object') return 'a table';
  return `the ${typeof raw} ${JSON.stringify(raw)}`;
}
