import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** One line of /proc/PID/mountinfo. */
export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  readonly device: string;
  /** What of the filesystem is mounted, `/` for all of it. */
  readonly root: string;
  readonly mountPoint: string;
  readonly options: readonly string[];
  /** For example `shared:1`, `master:2`, `unbindable`. */
  readonly optional: readonly string[];
  readonly type: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/** Reads the text of a mountinfo file; lines that are not understood are left out. */
export function parseMountInfo(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const [left, right] = splitOnce(line, ' - ');
    const [id, parentId, device, root, mountPoint, options, ...optional] = left.split(' ');
    const [type, source, superOptions] = right.split(' ');
    if (mountPoint === undefined || options === undefined || type === undefined) return [];
    return {
      id: Number(id),
      parentId: Number(parentId),
      device: device ?? '',
      root: unescapeOctal(root ?? ''),
      mountPoint: unescapeOctal(mountPoint),
      options: options.split(','),
      optional,
      type,
      source: unescapeOctal(source ?? ''),
      superOptions: (superOptions ?? '').split(','),
    };
  });
}

/** Where something is mounted, and of what type: all that many a question needs, in a fraction of the time. */
export function mountTypes(text: string): { readonly mountPoint: string; readonly type: string }[] {
  return text.split('\n').flatMap((line) => {
    const [left, right] = splitOnce(line, ' - ');
    const mountPoint = left.split(' ', 5)[4];
    return mountPoint === undefined
      ? []
      : [{ mountPoint: unescapeOctal(mountPoint), type: right.split(' ', 1)[0] ?? '' }];
  });
}

/** Where something is mounted, and of which device, oldest first: quick, as `mountTypes` is. */
export function mountDevices(text: string): { readonly mountPoint: string; readonly device: string }[] {
  return text.split('\n').flatMap((line) => {
    const [, , device, , mountPoint] = line.split(' ', 5);
    return mountPoint === undefined || device === undefined ? [] : [{ mountPoint: unescapeOctal(mountPoint), device }];
  });
}

/** The mounts that a process sees (default: we), oldest first. */
export async function mountInfo(pid: number | 'self' = 'self'): Promise<MountEntry[]> {
  return parseMountInfo(mountInfoText(pid));
}

/**
 * The text of a mountinfo file. The kernel gives a page at a time: hundreds of mounts are read sooner at once than by as many
 * turns of a thread pool. It answers from its own memory, whatever the mounts are of: no filesystem is asked, and the lock
 * of the mount table is not held while a mount waits for its server.
 */
export function mountInfoText(pid: number | 'self' = 'self'): string {
  return readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
}

/** How old what a RecentMountInfo tells may be, in milliseconds. */
const RECENT_MS = 20;

/** The text of /proc/self/mountinfo for many questions at once: a busy node has a thousand mounts. */
export class RecentMountInfo {
  private recent = '';
  private readAt = Number.NEGATIVE_INFINITY;

  /** As `mountInfoText`, at most 20 ms old. */
  text(): string {
    const now = performance.now();
    if (now - this.readAt <= RECENT_MS) return this.recent;
    this.recent = mountInfoText();
    this.readAt = now;
    return this.recent;
  }
}

/** True when something is mounted exactly at `path`, which must hold no symbolic link. */
export async function isMountPoint(path: string): Promise<boolean> {
  const wanted = resolve(path);
  return (await mountInfo()).some((entry) => entry.mountPoint === wanted);
}

/** Mount points at or below `dir`, which holds no symbolic link, in the order to unmount them: the newest first. */
export async function mountsIn(dir: string): Promise<string[]> {
  return mountsBelowIn(mountInfoText(), dir);
}

/** As `mountsBelow`, of the text of a mountinfo file: quick where there are none, however much else is mounted. */
export function mountsBelowIn(text: string, dir: string): string[] {
  return text.includes(` ${escapeOctal(resolve(dir))}`) ? mountsBelow(parseMountInfo(text), dir) : [];
}

/** Mount points at or below `dir`, in the order to unmount them: the newest first. */
export function mountsBelow(entries: readonly MountEntry[], dir: string): string[] {
  const top = resolve(dir);
  return entries
    .map((entry) => entry.mountPoint)
    .filter((path) => isWithin(path, top))
    .reverse();
}

/** The mount that `path` (without symbolic links) lies on: the longest mount point above it, the newest of equals. */
export function mountOf(entries: readonly MountEntry[], path: string): MountEntry | undefined {
  const wanted = resolve(path);
  return entries
    .filter((entry) => isWithin(wanted, entry.mountPoint))
    .reduce<MountEntry | undefined>(
      (best, entry) => (best && best.mountPoint.length > entry.mountPoint.length ? best : entry),
      undefined,
    );
}

/** How mounts spread to and from a mount; it can be both. */
export interface Propagation {
  readonly shared: boolean;
  readonly slave: boolean;
}

/** How mounts spread to and from the mounts that `paths` (without symbolic links) lie on. The table of mounts is read once. */
export async function propagationsOf(paths: readonly string[]): Promise<Propagation[]> {
  if (paths.length === 0) return [];
  const newest = new Map((await mountInfo()).map((entry) => [entry.mountPoint, entry]));
  return paths.map((path) => {
    let at = resolve(path);
    while (at !== '/' && !newest.has(at)) at = dirname(at);
    const optional = newest.get(at)?.optional ?? [];
    return {
      shared: optional.some((field) => field.startsWith('shared:')),
      slave: optional.some((field) => field.startsWith('master:')),
    };
  });
}

/** True when `path` is `dir` or below it; both absolute and normal. */
export function isWithin(path: string, dir: string): boolean {
  return path === dir || path.startsWith(dir.endsWith('/') ? dir : `${dir}/`);
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}

function escapeOctal(path: string): string {
  return path.replace(/[ \t\n\\]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/** The kernel writes space, tab, newline and backslash as three octal digits, bytewise. */
function unescapeOctal(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
