import { type JsonField, type JsonMessage, jsonFields } from '../../generated/cri/v1/json-fields';
import { MAX_VARIABLES as VARIABLES } from '../oci/process/env';
import { MAX_ARGUMENTS as ARGUMENTS } from '../oci/process/process-args';
import { invalid } from './errors';

/** What a list or a map of a request may have: items or entries, and bytes of all of them on the wire. */
export interface FieldLimit {
  readonly items: number;
  readonly bytes: number;
}

/**
 * Fields of a request altogether, each item of a list, each entry of a map and each variable being one. So many are decoded in
 * less than 50 ms, during which nobody else is answered; a CreateContainer of kubelet's has some hundreds.
 */
export const MAX_FIELDS = 80_000;
/** One text that is no item of a list. The longest that any client sends are tokens and paths, of some KiB. */
export const MAX_TEXT_BYTES = 1024 * 1024;
/**
 * Labels or annotations of an object, and every list that has no row below. The API server allows 256 KiB of annotations for
 * an object (`TotalAnnotationSizeLimitB`); kubelet adds some. 64 KiB of labels are so many of eight bytes.
 */
export const MAX_ITEMS: FieldLimit = { items: 8192, bytes: 1024 * 1024 };
/** Arguments or variables: Linux takes 6 MiB of both together (`bprm_stack_limits` of fs/exec.c: three quarters of 8 MiB). */
export const MAX_ARGUMENTS: FieldLimit = { items: ARGUMENTS, bytes: 6 * 1024 * 1024 };
export const MAX_VARIABLES: FieldLimit = { items: VARIABLES, bytes: 6 * 1024 * 1024 };
/** Each mount is looked up on the host, and runc makes one after the other. */
export const MAX_MOUNTS: FieldLimit = { items: 4096, bytes: 2 * 1024 * 1024 };
/** What costs a look at the host or a write into the kernel each. */
export const MAX_SETTINGS: FieldLimit = { items: 1024, bytes: 256 * 1024 };
/** Lines of an id mapping: UID_GID_MAP_MAX_EXTENTS of include/linux/user_namespace.h. */
export const MAX_ID_MAPPINGS: FieldLimit = { items: 340, bytes: 64 * 1024 };
/** NGROUPS_MAX of include/uapi/linux/limits.h. */
export const MAX_GROUPS: FieldLimit = { items: 65_536, bytes: 1024 * 1024 };
/** Pairs that a filter wants: each is compared with each object that is listed. */
export const MAX_SELECTOR: FieldLimit = { items: 64, bytes: 64 * 1024 };

const LIMITS: ReadonlyMap<string, FieldLimit> = new Map<string, FieldLimit>([
  ['ContainerConfig.command', MAX_ARGUMENTS],
  ['ContainerConfig.args', MAX_ARGUMENTS],
  ['ContainerConfig.envs', MAX_VARIABLES],
  ['ExecRequest.cmd', MAX_ARGUMENTS],
  ['ExecSyncRequest.cmd', MAX_ARGUMENTS],
  ['ContainerConfig.mounts', MAX_MOUNTS],
  ['ContainerConfig.devices', MAX_SETTINGS],
  ['ContainerConfig.CDI_devices', MAX_SETTINGS],
  ['Capability.add_capabilities', MAX_SETTINGS],
  ['Capability.drop_capabilities', MAX_SETTINGS],
  ['Capability.add_ambient_capabilities', MAX_SETTINGS],
  ['LinuxContainerResources.hugepage_limits', MAX_SETTINGS],
  ['LinuxContainerResources.unified', MAX_SETTINGS],
  ['LinuxPodSandboxConfig.sysctls', MAX_SETTINGS],
  ['Mount.mount_options', MAX_SETTINGS],
  ['Mount.uidMappings', MAX_ID_MAPPINGS],
  ['Mount.gidMappings', MAX_ID_MAPPINGS],
  ['UserNamespace.uids', MAX_ID_MAPPINGS],
  ['UserNamespace.gids', MAX_ID_MAPPINGS],
  ['LinuxContainerSecurityContext.supplemental_groups', MAX_GROUPS],
  ['LinuxSandboxSecurityContext.supplemental_groups', MAX_GROUPS],
  ['ContainerFilter.label_selector', MAX_SELECTOR],
  ['PodSandboxFilter.label_selector', MAX_SELECTOR],
  ['ContainerStatsFilter.label_selector', MAX_SELECTOR],
  ['PodSandboxStatsFilter.label_selector', MAX_SELECTOR],
]);

/** One field of a message, and what is allowed of it. */
interface Row {
  readonly name: string;
  readonly many: boolean;
  readonly limit: FieldLimit;
  /** The message that it holds. */
  readonly message?: JsonMessage;
  /** Numbers, which may come many in one field. */
  readonly packed: boolean;
  /** A map, or variables: each is a message of a key and a value, and counts as one field. */
  readonly isPairs: boolean;
}

/** Where in a request a message is. It becomes a text only once something is wrong there. */
interface Place {
  readonly above?: Place;
  readonly name: string;
  /** Of an item of a list. */
  readonly index?: number;
}

/** Wire types of protobuf. Groups, 3 and 4, no message of CRI has. */
const [VARINT, FIXED64, DELIMITED, FIXED32] = [0, 1, 2, 5];
/** The longest varint, in bytes. */
const VARINT_BYTES = 10;
/** The highest number of a field, as protobuf has it. What reads messages keeps 32 bits of a tag, and would read another field. */
const MAX_FIELD_NUMBER = 2 ** 29 - 1;
/** A key and a value. */
const PAIR_FIELDS = 2;
/** The message of a variable. */
const VARIABLE: JsonMessage = 'KeyValue';

/**
 * Refuses requests that have more of something than is allowed, by a walk over their bytes: whatever is decoded is bounded.
 * What is no protobuf message is refused, too.
 */
export class RequestLimits {
  private readonly tables = new Map<JsonMessage, readonly (Row | undefined)[]>();

  /** Throws INVALID_ARGUMENT, naming the field, for a request of the type `name` that goes beyond a limit. */
  check(name: JsonMessage, bytes: Uint8Array): void {
    new Walk(bytes, (message) => this.rowsOf(message)).message(name, bytes.length);
  }

  private rowsOf(name: JsonMessage): readonly (Row | undefined)[] {
    const known = this.tables.get(name);
    if (known) return known;
    const rows: Row[] = [];
    for (const field of jsonFields[name]) rows[field.no] = rowOf(name, field);
    this.tables.set(name, rows);
    return rows;
  }
}

function rowOf(name: JsonMessage, { json, type, repeated }: JsonField): Row {
  const isMap = typeof type === 'object' && 'map' in type;
  const message = typeof type === 'object' && 'message' in type ? type.message : undefined;
  const isVariable = message === VARIABLE;
  return {
    name: json,
    many: repeated === true || isMap,
    limit: LIMITS.get(`${name}.${json}`) ?? MAX_ITEMS,
    message: isVariable ? undefined : message,
    packed: type === 'number' || type === 'bigint' || type === 'bool',
    isPairs: isMap || isVariable,
  };
}

/** One walk over one request. */
class Walk {
  private at = 0;
  private fields = 0;
  /** The field that was read last: its number, its wire type and where its value begins and ends. */
  private no = 0;
  private wire = VARINT;
  private from = 0;
  private until = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly rowsOf: (name: JsonMessage) => readonly (Row | undefined)[],
  ) {}

  /** Walks over a message that ends at `end`. */
  message(name: JsonMessage, end: number, place?: Place): void {
    const rows = this.rowsOf(name);
    const seen: FieldLimit[] = [];
    while (this.at < end) {
      this.next(end);
      const { no, wire, from, until } = this;
      const row = rows[no];
      const count = row?.packed && wire === DELIMITED ? this.numbersIn(from, until) : 1;
      this.at = until;
      if (row) {
        const all = { items: (seen[no]?.items ?? 0) + count, bytes: (seen[no]?.bytes ?? 0) + until - from };
        if (row.many) seen[no] = all;
        requireWithin(row, all, place);
      }
      this.count(count);
      if (wire !== DELIMITED || !(row?.message || row?.isPairs)) continue;
      this.at = from;
      const index = seen[no] && seen[no].items - 1;
      if (row.message) this.message(row.message, until, { above: place, name: row.name, index });
      else this.pair(until);
    }
  }

  /** Walks over a key and a value that end at `end`. What is there beside them is read, too, and counts. */
  private pair(end: number): void {
    for (let fields = 1; this.at < end; fields += 1) {
      this.next(end);
      this.at = this.until;
      if (fields > PAIR_FIELDS) this.count(1);
    }
  }

  private count(fields: number): void {
    this.fields += fields;
    if (this.fields > MAX_FIELDS) throw invalid('the request', `has more than ${MAX_FIELDS} fields`);
  }

  /** Reads the tag of a field, and finds the end of its value. */
  private next(end: number): void {
    const tag = this.varint(end);
    this.no = Math.floor(tag / 8);
    this.wire = tag % 8;
    const length = this.wire === DELIMITED ? this.varint(end) : this.widthOf(this.wire, end);
    this.from = this.at;
    this.until = this.at + length;
    if (this.no === 0 || this.no > MAX_FIELD_NUMBER || this.until > end) throw malformed();
  }

  private widthOf(wire: number, end: number): number {
    if (wire === FIXED64) return 8;
    if (wire === FIXED32) return 4;
    if (wire !== VARINT) throw malformed();
    const from = this.at;
    this.varint(end);
    const width = this.at - from;
    this.at = from;
    return width;
  }

  private varint(end: number): number {
    let value = 0;
    let unit = 1;
    for (let i = 0; i < VARINT_BYTES && this.at < end; i++) {
      const byte = this.bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
      unit *= 0x80;
    }
    throw malformed();
  }

  /** How many varints lie in a packed list: the last byte of each is below 0x80. */
  private numbersIn(from: number, until: number): number {
    let count = 0;
    for (let i = from; i < until; i++) if ((this.bytes[i] ?? 0) < 0x80) count += 1;
    return count;
  }
}

/** `all`: what has come of the field. A message that is no item of a list is bounded by its own fields. */
function requireWithin({ name, many, message, limit }: Row, all: FieldLimit, above: Place | undefined): void {
  const bytes = many ? limit.bytes : message ? Number.POSITIVE_INFINITY : MAX_TEXT_BYTES;
  if (all.bytes > bytes) throw invalid(pathOf({ above, name }), `has more than ${bytes} bytes`);
  if (many && all.items > limit.items) throw invalid(pathOf({ above, name }), `has more than ${limit.items} entries`);
}

function malformed(): Error {
  return invalid('the request', 'is no message of protobuf');
}

function pathOf({ above, name, index }: Place): string {
  const own = index === undefined ? name : `${name}[${index}]`;
  return above ? `${pathOf(above)}.${own}` : own;
}
