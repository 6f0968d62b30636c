import type { Seeded } from '../../support/seeded';
import { camelCase, mapTypes } from '../../unit/wire/oracle';
import { type FieldTable, loadSchema } from '../../unit/wire/tables';
import { CGROUP, COMMANDS, type World } from './world';

type Message = Record<string, unknown>;

const schema = loadSchema();
const MAX_DEPTH = 6;
const INT32 = 2 ** 31;
const INT64 = 2n ** 63n;

const TEXTS: readonly string[] = [
  ...[
    '',
    'a',
    'web',
    'default',
    'runc',
    'nobody',
    '0',
    '-1',
    '4294967296',
    '1e999',
    '10M',
    'true',
    'é',
    '名',
    '\u{1f600}',
  ],
  ...[
    '__proto__',
    'constructor',
    '\0',
    '\n',
    'a\0b',
    ' ',
    '..',
    '../..',
    '/',
    '//',
    'a/b=c',
    'a;b=c',
    '%s',
    '$(x)',
    'x'.repeat(300),
  ],
  ...[
    'net.ipv4.ip_forward',
    'kernel.shm_rmid_forced',
    'cdi.k8s.io/a',
    'kubernetes.io/ingress-bandwidth',
    '10.0.0.0/8',
    '::1',
  ],
];

/** Any message of a type, as the generated code has it: each member of its type, and of any value. */
export function anyMessage(type: string, world: World, random: Seeded, depth = 0): Message {
  const fields = schema.messages.get(type);
  if (!fields) throw new Error(`no table has ${type}`);
  const message: Message = {};
  for (const field of fields) {
    if (random.next() < 0.4) continue; // absent
    message[camelCase(field.name)] = member(field, world, random, depth);
  }
  return message;
}

function member(field: FieldTable, world: World, random: Seeded, depth: number): unknown {
  const { type, label, name } = field;
  const map = mapTypes(type);
  const several = (): number[] => Array.from({ length: random.next() < 0.02 ? 300 : random.between(0, 3) });
  if (map) {
    const value = (): unknown => single(map[1]?.type ?? '', name, world, random, depth + 1);
    return Object.fromEntries(several().map(() => [random.pick(TEXTS), value()]));
  }
  if (name === 'cmd' || name === 'command') return [...random.pick(COMMANDS)];
  if (label === 'repeated') return several().map(() => single(type, name, world, random, depth + 1));
  return single(type, name, world, random, depth + 1);
}

function single(type: string, name: string, world: World, random: Seeded, depth: number): unknown {
  const numbers = schema.enums.get(type);
  if (numbers) return random.pick([...numbers, ...numbers, -1, 99, INT32 - 1]);
  switch (type) {
    case 'bool':
      return random.next() < 0.5;
    case 'bytes':
      return Buffer.from(random.pick(TEXTS));
    case 'double':
      return random.pick([0, -1, 1e308, Number.NaN, Number.POSITIVE_INFINITY]);
    case 'int32':
      return random.pick([0, 1, -1, 80, 65_536, INT32 - 1, -INT32, random.between(0, 1000)]);
    case 'uint32':
      return random.pick([0, 1, 80, 65_536, 2 * INT32 - 1]);
    case 'int64':
      return random.pick([0n, 1n, -1n, 1000n, 1n << 31n, INT64 - 1n, -INT64, BigInt(random.between(0, 1_000_000))]);
    case 'uint64':
      return random.pick([0n, 1n, 1000n, 2n * INT64 - 1n]);
    case 'string':
      return text(name, world, random);
    default:
      return depth < MAX_DEPTH ? anyMessage(type, world, random, depth) : undefined;
  }
}

/** What a text of that name is likely to be, or any. */
function text(name: string, world: World, random: Seeded): string {
  if (random.next() < 0.25) return random.pick(TEXTS);
  switch (name) {
    case 'pod_sandbox_id':
      return world.pod();
    case 'container_id':
    case 'target_id':
      return world.container();
    case 'id':
      return random.next() < 0.5 ? world.pod() : world.container();
    case 'image':
    case 'user_specified_image':
    case 'image_ref':
      return random.pick(world.images);
    case 'host_path':
    case 'log_directory':
      return world.path();
    case 'container_path':
      return random.pick(['/a', '/a/b', '/etc/hosts', '/', 'a', '/proc/x']);
    case 'log_path':
      return random.pick(['a.log', 'b/c.log', '../x']);
    case 'cgroup_parent':
      return random.pick(['', CGROUP]);
    case 'runtime_handler':
      return '';
    default:
      return random.pick(TEXTS);
  }
}

/** The object with some of its leaves replaced by others of the same type; how many, `share` says. */
export function perturbed(value: unknown, share: number, random: Seeded): unknown {
  if (Buffer.isBuffer(value)) return random.next() < share ? Buffer.from(random.pick(TEXTS)) : value;
  if (Array.isArray(value)) {
    if (random.next() < share / 2) return [];
    if (random.next() < share / 2) return [...value, ...value];
    return value.map((each) => perturbed(each, share, random));
  }
  if (typeof value === 'object' && value !== null) {
    if (random.next() < share / 4) return undefined;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, perturbed(each, share, random)]));
  }
  if (random.next() >= share) return value;
  if (typeof value === 'string') return random.pick(TEXTS);
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'bigint') return random.pick([0n, -1n, 1n, INT64 - 1n]);
  return typeof value === 'number' ? random.pick([0, 1, 2, 65_536, INT32 - 1]) : value;
}
