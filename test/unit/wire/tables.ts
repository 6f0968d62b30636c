import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

import { checkout } from '../../support/daemon/places';

/** Wire facts: what every message, enum and service has, one table per .proto file. */
export interface FieldTable {
  number: number;
  name: string;
  /** A scalar, a full message or enum name, or `map<key, value>`. */
  type: string;
  label?: 'repeated' | 'optional';
  deprecated?: boolean;
}

export interface MessageTable {
  fields?: FieldTable[];
  reserved?: [number, number][];
  messages?: Record<string, MessageTable>;
  enums?: Record<string, Record<string, number>>;
}

export interface MethodTable {
  request: string;
  response: string;
  clientStreaming?: boolean;
  serverStreaming?: boolean;
}

export interface FileTable {
  package: string;
  messages?: Record<string, MessageTable>;
  enums?: Record<string, Record<string, number>>;
  services?: Record<string, Record<string, MethodTable>>;
}

export const ROOT = checkout();
const TABLES = join(ROOT, 'test', 'wire');
/** Trees that lie under their own name among the protos; the rest are containerd's. */
const OWN_TREES = ['cri/', 'cgroups/', 'google/'];

/** Every table by the path of its .proto file below protos/. */
export function fileTables(): Map<string, FileTable> {
  const paths = readdirSync(TABLES, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.json'));
  return new Map(
    paths.sort().map((path) => {
      const proto = path.replace(/\.json$/, '.proto');
      const own = OWN_TREES.some((tree) => proto.startsWith(tree));
      const table = JSON.parse(readFileSync(join(TABLES, path), 'utf8')) as FileTable;
      return [own ? proto : `containerd/${proto}`, table];
    }),
  );
}

/** Every .proto file below protos/. */
export function protoFiles(): string[] {
  const dir = join(ROOT, 'protos');
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.proto'))
    .map((path) => relative(dir, join(dir, path)))
    .sort();
}

export interface Schema {
  /** Fields by full message name. */
  readonly messages: ReadonlyMap<string, readonly FieldTable[]>;
  /** Numbers by full enum name. */
  readonly enums: ReadonlyMap<string, readonly number[]>;
  /** Path of the .proto file by full message name. */
  readonly fileOf: ReadonlyMap<string, string>;
}

const WELL_KNOWN: Record<string, FieldTable[]> = {
  'google.protobuf.Any': [
    { number: 1, name: 'type_url', type: 'string' },
    { number: 2, name: 'value', type: 'bytes' },
  ],
  'google.protobuf.Timestamp': [
    { number: 1, name: 'seconds', type: 'int64' },
    { number: 2, name: 'nanos', type: 'int32' },
  ],
  'google.protobuf.FieldMask': [{ number: 1, name: 'paths', type: 'string', label: 'repeated' }],
  'google.protobuf.Empty': [],
};

/** All messages and enums of all tables, and the well-known types that they use, by their full names. */
export function loadSchema(): Schema {
  const messages = new Map<string, readonly FieldTable[]>(Object.entries(WELL_KNOWN));
  const enums = new Map<string, readonly number[]>();
  const fileOf = new Map<string, string>();
  const add = (file: string, scope: string, table: FileTable | MessageTable): void => {
    for (const [name, values] of Object.entries(table.enums ?? {}))
      enums.set(`${scope}.${name}`, Object.values(values));
    for (const [name, message] of Object.entries(table.messages ?? {})) {
      messages.set(`${scope}.${name}`, message.fields ?? []);
      fileOf.set(`${scope}.${name}`, file);
      add(file, `${scope}.${name}`, message);
    }
  };
  for (const [file, table] of fileTables()) add(file, table.package, table);
  return { messages, enums, fileOf };
}
