const MAX_ID = 2 ** 31 - 1;

export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const [NEWLINE, COLON, HASH, ZERO] = [10, 0x3a, 0x23, 0x30];
/** `name:password:gid:members`, and of passwd `name:password:uid:gid`; what follows is not looked at. */
const [NAME, UID, GID_OF_USER, GID, MEMBERS] = [0, 2, 3, 2, 3];
const MAX_COLONS = 4;

/**
 * The lines of a passwd or group file, one after the other. The files are an image's, with as many lines, and as long ones, as
 * it likes: each byte is looked at once, and nothing is made of a line but what is asked for.
 */
class Lines {
  private readonly text: string;
  private next = 0;
  private start = 0;
  private end = 0;
  /** Where the first colons of the line are, and how many. */
  private readonly colons = new Array<number>(MAX_COLONS).fill(0);
  private found = 0;

  constructor(file: Buffer | undefined) {
    this.text = file?.toString('utf8') ?? '';
  }

  /** Goes to the next line that is neither empty nor a comment; false at the end. */
  advance(): boolean {
    while (this.next < this.text.length) {
      this.read();
      if (this.start < this.end && this.text.charCodeAt(this.start) !== HASH) return true;
    }
    return false;
  }

  field(field: number): string {
    return field <= this.found ? this.text.slice(this.from(field), this.to(field)) : '';
  }

  /** Whether a field is this very text. */
  is(field: number, text: string): boolean {
    const from = this.from(field);
    return field <= this.found && this.to(field) - from === text.length && this.text.startsWith(text, from);
  }

  /** A number that is none, or out of range, counts as missing: it must not become id 0. */
  id(field: number): number | undefined {
    const [from, to] = [this.from(field), this.to(field)];
    if (field > this.found || to - from < 1 || to - from > 10) return undefined;
    let id = 0;
    for (let at = from; at < to; at++) {
      const digit = this.text.charCodeAt(at) - ZERO;
      if (!(digit >= 0 && digit <= 9)) return undefined;
      id = id * 10 + digit;
    }
    return id <= MAX_ID ? id : undefined;
  }

  private read(): void {
    const { text, colons } = this;
    let found = 0;
    let at = this.next;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === NEWLINE) break;
      if (code === COLON && found < MAX_COLONS) colons[found++] = at;
    }
    this.found = found;
    this.start = this.next;
    this.end = at;
    this.next = at + 1;
    while (this.start < this.end && isBlank(text.charCodeAt(this.start))) this.start++;
    while (this.start < this.end && isBlank(text.charCodeAt(this.end - 1))) this.end--;
  }

  private from(field: number): number {
    return field === 0 ? this.start : (this.colons[field - 1] ?? 0) + 1;
  }

  private to(field: number): number {
    return field < this.found ? (this.colons[field] ?? 0) : this.end;
  }
}

function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 9 && code <= 13);
}

function findUser(passwd: Buffer | undefined, matches: (line: Lines) => boolean): PasswdEntry | undefined {
  const lines = new Lines(passwd);
  while (lines.advance()) {
    if (!matches(lines)) continue;
    const [name, uid, gid] = [lines.field(NAME), lines.id(UID), lines.id(GID_OF_USER)];
    if (name !== '' && uid !== undefined && gid !== undefined) return { name, uid, gid };
  }
  return undefined;
}

/** The first entry of /etc/passwd with this name. */
export function userNamed(passwd: Buffer | undefined, name: string): PasswdEntry | undefined {
  return findUser(passwd, (line) => line.is(NAME, name));
}

/** The first entry of /etc/passwd with this uid. */
export function userWithId(passwd: Buffer | undefined, uid: number): PasswdEntry | undefined {
  return findUser(passwd, (line) => line.id(UID) === uid);
}

/** Id of the first entry of /etc/group with this name. */
export function groupNamed(group: Buffer | undefined, name: string): number | undefined {
  const lines = new Lines(group);
  while (lines.advance()) {
    const gid = name !== '' && lines.is(NAME, name) ? lines.id(GID) : undefined;
    if (gid !== undefined) return gid;
  }
  return undefined;
}

/** Ids of the groups that list the user; the group named after the user is its private one and not among them. */
export function groupsOf(group: Buffer | undefined, user: string): number[] {
  const gids: number[] = [];
  if (user === '' || user.includes(',')) return gids;
  const lines = new Lines(group);
  while (lines.advance()) {
    const gid = lines.id(GID);
    if (gid === undefined || lines.is(NAME, '') || lines.is(NAME, user)) continue;
    if (`,${lines.field(MEMBERS)},`.includes(`,${user},`)) gids.push(gid);
  }
  return gids;
}
