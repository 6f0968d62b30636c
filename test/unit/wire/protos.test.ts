import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import {
  type FieldTable,
  type FileTable,
  fileTables,
  type MessageTable,
  type MethodTable,
  protoFiles,
  ROOT,
} from './tables';

/** What buf makes of a .proto file: a FileDescriptorProto as JSON. */
interface FileDescriptor {
  name: string;
  package: string;
  messageType?: MessageDescriptor[];
  enumType?: EnumDescriptor[];
  service?: { name: string; method: MethodDescriptor[] }[];
}

interface MessageDescriptor {
  name: string;
  field?: FieldDescriptor[];
  nestedType?: MessageDescriptor[];
  enumType?: EnumDescriptor[];
  reservedRange?: { start: number; end: number }[];
  options?: { mapEntry?: boolean };
}

interface FieldDescriptor {
  name: string;
  number: number;
  label: string;
  type: string;
  typeName?: string;
  proto3Optional?: boolean;
  options?: { deprecated?: boolean };
}

interface EnumDescriptor {
  name: string;
  value: { name: string; number?: number }[];
}

interface MethodDescriptor {
  name: string;
  inputType: string;
  outputType: string;
  clientStreaming?: boolean;
  serverStreaming?: boolean;
}

const tables = fileTables();
const descriptors = new Map(readDescriptors().map((file) => [file.name, file]));

describe('protos/', () => {
  it('has a file for each table of wire facts, and no other', () => {
    const ours = protoFiles().filter((path) => !path.startsWith('grpc/testing/')); // gRPC's, for `make interop` alone
    expect(ours).toEqual([...tables.keys()].sort());
  });

  it.each([...tables.keys()])('%s has the messages, enums and services of its table', (path) => {
    const descriptor = descriptors.get(path);
    expect(descriptor && tableOf(descriptor)).toEqual(canonical(tables.get(path)));
  });

  it('speaks of something at all', () => {
    const counts = [...descriptors.values()].map((file) => file.messageType?.length ?? 0);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(300);
  });
});

function readDescriptors(): FileDescriptor[] {
  const buf = join(ROOT, 'node_modules', '.bin', 'buf');
  const options = { cwd: ROOT, maxBuffer: 64 * 1024 * 1024, encoding: 'utf8' as const };
  return (JSON.parse(execFileSync(buf, ['build', '-o', '-#format=json'], options)) as { file: FileDescriptor[] }).file;
}

function tableOf(file: FileDescriptor): FileTable {
  const services = (file.service ?? []).map(({ name, method }) => [
    name,
    Object.fromEntries(method.map((each) => [each.name, methodTable(each)])),
  ]);
  const body = scopeOf({ nestedType: file.messageType, enumType: file.enumType });
  return { package: file.package, ...body, services: Object.fromEntries(services) };
}

function scopeOf({ nestedType = [], enumType = [] }: Pick<MessageDescriptor, 'nestedType' | 'enumType'>) {
  const messages = nestedType.filter(({ options }) => !options?.mapEntry);
  return {
    messages: Object.fromEntries(messages.map((message) => [message.name, messageTable(message)])),
    enums: Object.fromEntries(
      enumType.map(({ name, value }) => [name, Object.fromEntries(value.map((each) => [each.name, each.number ?? 0]))]),
    ),
  };
}

function messageTable(message: MessageDescriptor): MessageTable {
  const entries = new Map(message.nestedType?.map((nested) => [nested.name, nested]));
  const fields = (message.field ?? []).map((field) => fieldTable(field, entries));
  const reserved = (message.reservedRange ?? []).map(({ start, end }): [number, number] => [start, end - 1]);
  return { fields: fields.sort(byNumber), reserved, ...scopeOf(message) };
}

function fieldTable(field: FieldDescriptor, entries: ReadonlyMap<string, MessageDescriptor>): FieldTable {
  const { name, number, label, proto3Optional, options } = field;
  const entry = entries.get(field.typeName?.split('.').pop() ?? '');
  const isMap = entry?.options?.mapEntry === true;
  const [key, value] = entry?.field ?? [];
  const type = isMap && key && value ? `map<${typeOf(key)}, ${typeOf(value)}>` : typeOf(field);
  const repeated = label === 'LABEL_REPEATED' && !isMap;
  return {
    number,
    name,
    type,
    ...(repeated ? { label: 'repeated' as const } : {}),
    ...(proto3Optional ? { label: 'optional' as const } : {}),
    ...(options?.deprecated ? { deprecated: true } : {}),
  };
}

function typeOf({ type, typeName }: FieldDescriptor): string {
  return typeName ? typeName.slice(1) : type.replace('TYPE_', '').toLowerCase();
}

function methodTable({ inputType, outputType, clientStreaming, serverStreaming }: MethodDescriptor): MethodTable {
  return {
    request: inputType.slice(1),
    response: outputType.slice(1),
    ...(clientStreaming ? { clientStreaming } : {}),
    ...(serverStreaming ? { serverStreaming } : {}),
  };
}

/** A table with what it leaves out put in, and what the wire does not know left out. */
function canonical(table: FileTable | undefined): FileTable {
  const { package: name = '', messages = {}, enums = {}, services = {} } = table ?? {};
  return { package: name, messages: mapValues(messages, canonicalMessage), enums, services };
}

function canonicalMessage({ fields = [], reserved = [], messages = {}, enums = {} }: MessageTable): MessageTable {
  return { fields: [...fields].sort(byNumber), reserved, messages: mapValues(messages, canonicalMessage), enums };
}

function mapValues<T, U>(record: Record<string, T>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function byNumber(a: FieldTable, b: FieldTable): number {
  return a.number - b.number;
}
