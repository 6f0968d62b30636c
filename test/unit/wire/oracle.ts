import { BinaryReader, BinaryWriter } from 'google-protobuf';
import type { FieldTable, Schema } from './tables';

/** A message as the generated code has it: camelCase members, bigint for 64 bits, Buffer for bytes. */
export type Value = Record<string, unknown>;

type Scalar = 'bool' | 'bytes' | 'double' | 'int32' | 'int64' | 'string' | 'uint32' | 'uint64' | 'enum';

/** google-protobuf 4 has methods that its published types do not know. */
type Methods = Record<string, (...args: unknown[]) => unknown>;

const SUFFIX: Record<Scalar, string> = {
  bool: 'Bool',
  bytes: 'Bytes',
  double: 'Double',
  int32: 'Int32',
  int64: 'Int64String',
  string: 'String',
  uint32: 'Uint32',
  uint64: 'Uint64String',
  enum: 'Enum',
};
const DEFAULTS: Record<Scalar, unknown> = {
  bool: false,
  bytes: Buffer.alloc(0),
  double: 0,
  int32: 0,
  int64: 0n,
  string: '',
  uint32: 0,
  uint64: 0n,
  enum: 0,
};

/** A second implementation of the wire format, driven by the tables and built on google-protobuf. */
export class Oracle {
  constructor(private readonly schema: Schema) {}

  /** The bytes of a message; members at their default are written as well. */
  encode(type: string, value: Value): Uint8Array {
    const writer = new BinaryWriter();
    this.write(writer, this.fieldsOf(type), value);
    return writer.getResultBuffer();
  }

  /** The message in some bytes, members that are absent at their default. Fails on a field the table does not have. */
  decode(type: string, bytes: Uint8Array): Value {
    return this.read(new BinaryReader(bytes), type);
  }

  /** A message with every member at its default. */
  empty(type: string): Value {
    return Object.fromEntries(this.fieldsOf(type).map((field) => [camelCase(field.name), this.defaultOf(field)]));
  }

  fieldsOf(type: string): readonly FieldTable[] {
    const fields = this.schema.messages.get(type);
    if (!fields) throw new Error(`no table has ${type}`);
    return fields;
  }

  /** Undefined when the type is a message. */
  scalarOf(type: string): Scalar | undefined {
    if (type in DEFAULTS) return type as Scalar;
    return this.schema.enums.has(type) ? 'enum' : undefined;
  }

  private defaultOf({ type, label }: FieldTable): unknown {
    if (label === 'repeated') return [];
    if (mapTypes(type)) return Object.create(null);
    const scalar = this.scalarOf(type);
    return scalar && DEFAULTS[scalar];
  }

  private write(writer: BinaryWriter, fields: readonly FieldTable[], message: Value): void {
    for (const field of fields) {
      const value = message[camelCase(field.name)];
      const map = mapTypes(field.type);
      if (map) {
        for (const [key, item] of Object.entries(value as Value))
          this.one(writer, map, field.number, { key, value: item });
      } else if (field.label === 'repeated') this.many(writer, field, value as unknown[]);
      else if (value !== undefined) this.one(writer, field.type, field.number, value);
    }
  }

  private one(writer: BinaryWriter, type: string | FieldTable[], number: number, value: unknown): void {
    const scalar = typeof type === 'string' ? this.scalarOf(type) : undefined;
    if (scalar) {
      (writer as unknown as Methods)[`write${SUFFIX[scalar]}`]?.call(writer, number, toJspb(value));
      return;
    }
    const fields = typeof type === 'string' ? this.fieldsOf(type) : type;
    // The generated code has a field mask as the bare list of its paths.
    const message = type === 'google.protobuf.FieldMask' ? { paths: value } : (value as Value);
    writer.writeMessage(number, message, () => this.write(writer, fields, message));
  }

  private many(writer: BinaryWriter, { type, number }: FieldTable, values: unknown[]): void {
    const scalar = this.scalarOf(type);
    const packed = scalar && scalar !== 'string' && scalar !== 'bytes';
    if (!packed) for (const value of values) this.one(writer, type, number, value);
    else (writer as unknown as Methods)[`writePacked${SUFFIX[scalar]}`]?.call(writer, number, values.map(toJspb));
  }

  private read(reader: BinaryReader, type: string | FieldTable[]): Value {
    const fields = typeof type === 'string' ? this.fieldsOf(type) : type;
    const message = Object.fromEntries(fields.map((field) => [camelCase(field.name), this.defaultOf(field)]));
    while (reader.nextField() && !reader.isEndGroup()) {
      const number = reader.getFieldNumber();
      const field = fields.find((each) => each.number === number);
      if (!field) throw new Error(`a field ${number} that the table does not have`);
      this.readField(reader, field, message);
    }
    return message;
  }

  private readField(reader: BinaryReader, field: FieldTable, message: Value): void {
    const name = camelCase(field.name);
    const map = mapTypes(field.type);
    if (map) {
      const { key, value } = this.readOne(reader, map) as { key: string; value: unknown };
      (message[name] as Value)[key] = value ?? this.emptyOf(map);
    } else if (field.label === 'repeated') this.readMany(reader, field, message[name] as unknown[]);
    else message[name] = this.readOne(reader, field.type);
  }

  private readOne(reader: BinaryReader, type: string | FieldTable[]): unknown {
    const scalar = typeof type === 'string' ? this.scalarOf(type) : undefined;
    if (scalar) return fromJspb(scalar, (reader as unknown as Methods)[`read${SUFFIX[scalar]}`]?.call(reader));
    let value: Value = {};
    reader.readMessage({}, () => {
      value = this.read(reader, type);
    });
    return type === 'google.protobuf.FieldMask' ? value.paths : value;
  }

  private readMany(reader: BinaryReader, { type }: FieldTable, into: unknown[]): void {
    const scalar = this.scalarOf(type);
    if (!scalar || scalar === 'string' || scalar === 'bytes') {
      into.push(this.readOne(reader, type));
      return;
    }
    const values: unknown[] = [];
    (reader as unknown as Methods)[`readPackable${SUFFIX[scalar]}Into`]?.call(reader, values);
    into.push(...values.map((value) => fromJspb(scalar, value)));
  }

  private emptyOf(map: FieldTable[]): unknown {
    const type = map[1]?.type ?? '';
    return this.scalarOf(type) ? this.defaultOf({ number: 2, name: 'value', type }) : this.empty(type);
  }
}

/** The fields of a map's entries; undefined for a type that is not a map. */
export function mapTypes(type: string): FieldTable[] | undefined {
  const [, key, value] = /^map<(\w+), ([\w.]+)>$/.exec(type) ?? [];
  if (key === undefined || value === undefined) return undefined;
  return [
    { number: 1, name: 'key', type: key },
    { number: 2, name: 'value', type: value },
  ];
}

/** `snake_case` as the generated code spells it. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());
}

function toJspb(value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

function fromJspb(scalar: Scalar, value: unknown): unknown {
  if (scalar === 'int64' || scalar === 'uint64') return BigInt(value as string);
  return scalar === 'bytes' ? Buffer.from(value as Uint8Array) : value;
}
