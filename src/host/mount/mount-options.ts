import { dirname } from 'node:path';
import type { Mount } from '../../model/mount';

/** A mount's options as mount(2) takes them. */
export interface ParsedOptions {
  /** MS_* bits of the mount itself. */
  readonly flags: number;
  /** MS_SHARED and its kin, which need a call of their own; 0: none asked for. */
  readonly propagation: number;
  /** What the filesystem reads itself. */
  readonly data: string;
}

export const MS_RDONLY = 1;
export const MS_REMOUNT = 32;
export const MS_BIND = 4096;
export const MS_REC = 16384;

/** Set, or with a leading minus cleared. */
const FLAGS: ReadonlyMap<string, number> = new Map([
  ['defaults', 0],
  ['ro', MS_RDONLY],
  ['rw', -MS_RDONLY],
  ['nosuid', 2],
  ['suid', -2],
  ['nodev', 4],
  ['dev', -4],
  ['noexec', 8],
  ['exec', -8],
  ['sync', 16],
  ['async', -16],
  ['remount', MS_REMOUNT],
  ['mand', 64],
  ['nomand', -64],
  ['dirsync', 128],
  ['nosymfollow', 256],
  ['noatime', 1024],
  ['atime', -1024],
  ['nodiratime', 2048],
  ['diratime', -2048],
  ['bind', MS_BIND],
  ['rbind', MS_BIND | MS_REC],
  ['relatime', 1 << 21],
  ['norelatime', -(1 << 21)],
  ['strictatime', 1 << 24],
  ['nostrictatime', -(1 << 24)],
  ['lazytime', 1 << 25],
]);

const PROPAGATION: ReadonlyMap<string, number> = new Map([
  ['unbindable', 1 << 17],
  ['private', 1 << 18],
  ['slave', 1 << 19],
  ['shared', 1 << 20],
]);

/** Sorts mount options into flags, propagation and data, as mount(8) does. */
export function parseOptions(options: readonly string[]): ParsedOptions {
  let flags = 0;
  let propagation = 0;
  const data: string[] = [];
  for (const option of options) {
    const flag = FLAGS.get(option);
    const own = PROPAGATION.get(option);
    const recursive = option.startsWith('r') ? PROPAGATION.get(option.slice(1)) : undefined;
    if (flag !== undefined) flags = flag < 0 ? flags & ~-flag : flags | flag;
    else if (own !== undefined) propagation = own;
    else if (recursive !== undefined) propagation = recursive | MS_REC;
    else if (option !== '') data.push(option);
  }
  return { flags, propagation, data: data.join(',') };
}

/**
 * The same mount, for looking only: an overlay's upper directory becomes its topmost lower one (two overlays must not
 * share a work directory), everything else is mounted `ro`.
 */
export function readonlyMount(mount: Mount): Mount {
  const options = mount.options.filter((option) => option !== 'rw' && option !== 'ro');
  if (mount.type !== 'overlay') return { ...mount, options: [...options, 'ro'] };
  const upper = optionValue(options, 'upperdir');
  const lower = [upper, optionValue(options, 'lowerdir')].filter((dir) => dir !== undefined).join(':');
  const others = options.filter((option) => !/^(upperdir|workdir|lowerdir)=/.test(option));
  return { ...mount, options: [...others, `lowerdir=${lower}`, 'ro'] };
}

/**
 * Drops `uidmap=` and `gidmap=`, which are the snapshotter's wish for an idmapped mount and no option of the kernel:
 * read or copied here, files keep the owners that they have on disk.
 */
export function withoutIdMaps(mount: Mount): Mount {
  return { ...mount, options: mount.options.filter((option) => !/^(uidmap|gidmap)=/.test(option)) };
}

/** The kernel reads one page of options at most, and cuts off the rest without a word. */
const MAX_OPTION_BYTES = 4095;

/**
 * The mount as it fits into one call. An overlay of many layers gets its lower directories relative to the directory they
 * share, which is then `cwd` and must be the working directory while it is mounted. Throws when even that is too long.
 */
export function fittingMount(mount: Mount): { mount: Mount; cwd?: string } {
  if (fits(mount.options)) return { mount };
  const lower = mount.type === 'overlay' ? optionValue(mount.options, 'lowerdir') : undefined;
  const dirs = splitLowerDirs(lower ?? '');
  const cwd = commonDir(dirs);
  const relative = dirs.map((dir) => dir.slice(cwd === '/' ? 1 : cwd.length + 1)).join(':');
  const options = mount.options.map((option) => (option.startsWith('lowerdir=') ? `lowerdir=${relative}` : option));
  if (lower === undefined || !fits(options))
    throw new Error(`mount options of ${bytes(options)} bytes do not fit a page`);
  return { mount: { ...mount, options }, cwd };
}

function fits(options: readonly string[]): boolean {
  return bytes(options) <= MAX_OPTION_BYTES;
}

function bytes(options: readonly string[]): number {
  return Buffer.byteLength(options.join(','));
}

/** The value of an option `key=value`; undefined when there is none. */
export function optionValue(options: readonly string[], key: string): string | undefined {
  return options.find((option) => option.startsWith(`${key}=`))?.slice(key.length + 1);
}

/** The lower directories of an overlay, topmost first. A colon inside a name is written `\:`. */
export function splitLowerDirs(value: string): string[] {
  return value.match(/(?:\\.|[^:\\])+/g) ?? [];
}

/** The deepest directory that is above all of them. */
export function commonDir(paths: readonly string[]): string {
  let common = dirname(paths[0] ?? '/');
  for (const path of paths) {
    while (common !== '/' && !path.startsWith(`${common}/`)) common = dirname(common);
  }
  return common;
}
