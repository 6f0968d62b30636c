const MAX_ID = 2 ** 31 - 1;

export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** One line at a time: the files are an image's and may be large. */
function* lines(file: Buffer | undefined): Generator<string[]> {
  if (!file) return;
  for (let from = 0; from < file.length; ) {
    const newline = file.indexOf(10, from);
    const to = newline < 0 ? file.length : newline;
    const line = file.toString('utf8', from, to).trim();
    from = to + 1;
    if (line && !line.startsWith('#')) yield line.split(':');
  }
}

/** A line with a number that is none, or out of range, counts as missing: it must not become id 0. */
function idOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= MAX_ID ? id : undefined;
}

function findUser(passwd: Buffer | undefined, matches: (entry: PasswdEntry) => boolean): PasswdEntry | undefined {
  for (const [name, , uidText, gidText] of lines(passwd)) {
    const uid = idOf(uidText);
    const gid = idOf(gidText);
    if (!name || uid === undefined || gid === undefined) continue;
    const entry = { name, uid, gid };
    if (matches(entry)) return entry;
  }
  return undefined;
}

function* groupEntries(group: Buffer | undefined): Generator<GroupEntry> {
  for (const [name, , gidText, members = ''] of lines(group)) {
    const gid = idOf(gidText);
    if (name && gid !== undefined) yield { name, gid, members: members.split(',').filter(Boolean) };
  }
}

/** The first entry of /etc/passwd with this name. */
export function userNamed(passwd: Buffer | undefined, name: string): PasswdEntry | undefined {
  return findUser(passwd, (entry) => entry.name === name);
}

/** The first entry of /etc/passwd with this uid. */
export function userWithId(passwd: Buffer | undefined, uid: number): PasswdEntry | undefined {
  return findUser(passwd, (entry) => entry.uid === uid);
}

/** The first entry of /etc/group with this name. */
export function groupNamed(group: Buffer | undefined, name: string): GroupEntry | undefined {
  for (const entry of groupEntries(group)) if (entry.name === name) return entry;
  return undefined;
}

/** Ids of the groups that list the user; the group named after the user is its private one and not among them. */
export function groupsOf(group: Buffer | undefined, user: string): number[] {
  const gids: number[] = [];
  for (const entry of groupEntries(group)) {
    if (entry.name !== user && entry.members.includes(user)) gids.push(entry.gid);
  }
  return gids;
}
