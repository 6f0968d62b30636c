/**
 * Writes generated/cri/v1/json-fields.ts: for each message of the CRI, under which key Go's encoding/json writes each
 * field (the name in the .proto), its number and what is in it. Reads protos/ through buf; fetches nothing.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const { snakeToCamel } = require('ts-proto/build/src/case');

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const SOURCE = 'cri/v1/api.proto';
const TARGET = join(ROOT, 'generated', 'cri', 'v1', 'json-fields.ts');

const SCALARS = {
  TYPE_STRING: 'string',
  TYPE_BYTES: 'bytes',
  TYPE_BOOL: 'bool',
  TYPE_ENUM: 'number',
  TYPE_INT32: 'number',
  TYPE_UINT32: 'number',
  TYPE_DOUBLE: 'number',
  TYPE_INT64: 'bigint',
  TYPE_UINT64: 'bigint',
};

const image = JSON.parse(
  execFileSync(join(ROOT, 'node_modules', '.bin', 'buf'), ['build', '-o', '-#format=json'], {
    cwd: ROOT,
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'inherit'],
  }).toString(),
);
const file = image.file.find((one) => one.name === SOURCE);
if (!file) throw new Error(`${SOURCE} is not among the protos`);
const prefix = `.${file.package}.`;

/** The type of one field: a scalar, or `{ message }`, or `{ map }` with the type of its values. */
function typeOf(field, message) {
  if (field.type !== 'TYPE_MESSAGE') {
    const scalar = SCALARS[field.type];
    if (!scalar) throw new Error(`${message.name}.${field.name}: no rule for ${field.type}`);
    return scalar;
  }
  const name = field.typeName.slice(prefix.length);
  const entry = message.nestedType?.find(
    (nested) => nested.options?.mapEntry && name === `${message.name}.${nested.name}`,
  );
  if (entry)
    return {
      map: typeOf(
        entry.field.find((one) => one.number === 2),
        entry,
      ),
    };
  if (name.includes('.')) throw new Error(`${message.name}.${field.name}: nested messages have no rule yet`);
  return { message: name };
}

function fieldOf(field, message) {
  if (field.oneofIndex !== undefined) throw new Error(`${message.name}.${field.name}: oneof has no rule yet`);
  const type = typeOf(field, message);
  const key = field.name.includes('_') ? snakeToCamel(field.name) : field.name;
  const repeated = field.label === 'LABEL_REPEATED' && type.map === undefined;
  return { json: field.name, key, no: field.number, type, ...(repeated ? { repeated: true } : {}) };
}

const quote = (text) => `'${text}'`;
const typeText = (type) => {
  if (typeof type === 'string') return quote(type);
  return type.message ? `{ message: ${quote(type.message)} }` : `{ map: ${typeText(type.map)} }`;
};
const fieldText = ({ json, key, no, type, repeated }) =>
  `    { json: ${quote(json)}, key: ${quote(key)}, no: ${no}, type: ${typeText(type)}${repeated ? ', repeated: true' : ''} },`;

const messages = [...file.messageType].sort((a, b) => (a.name < b.name ? -1 : 1));
const tables = messages.map((message) => {
  const fields = (message.field ?? []).map((field) => fieldText(fieldOf(field, message)));
  return fields.length === 0 ? `  ${message.name}: [],` : `  ${message.name}: [\n${fields.join('\n')}\n  ],`;
});

writeFileSync(
  TARGET,
  `// Written by scripts/generate-json-fields.mjs from ${SOURCE}. DO NOT EDIT.

/* eslint-disable */
import type * as api from './api';

/** What one field holds: a scalar, a message, or a map from strings. */
export type JsonType = 'string' | 'bytes' | 'bool' | 'number' | 'bigint' | { message: JsonMessage } | { map: JsonType };

/** One field: its key in Go's JSON, its key in our message object, its number on the wire, and what it holds. */
export interface JsonField {
  readonly json: string;
  readonly key: string;
  readonly no: number;
  readonly type: JsonType;
  readonly repeated?: true;
}

/** Our type of each message. */
export interface JsonMessages {
${messages.map((message) => `  ${message.name}: api.${message.name};`).join('\n')}
}

/** The name of a message. */
export type JsonMessage = keyof JsonMessages;

/** The fields of each message, in the order of the .proto, which is the order Go writes them in. */
export const jsonFields: { readonly [Name in JsonMessage]: readonly JsonField[] } = {
${tables.join('\n')}
};
`,
);
