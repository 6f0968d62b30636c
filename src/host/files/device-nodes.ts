import { type BigIntStats, lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../base/errors';
import { BadInputError } from '../bad-input';

/** A device node, as a container is given it. */
export interface HostDeviceNode {
  readonly path: string;
  readonly type: 'c' | 'b';
  readonly major: number;
  readonly minor: number;
  /** Permission bits only. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A machine with a thousand disks, of sixteen partitions each. */
export const MOST_NODES = 16_384;

/** Below /dev these hold no devices of the host, or are given to a container in another way. */
const SKIPPED_DIRS: ReadonlySet<string> = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev']);
/** A container's terminal is bound over it. */
const SKIPPED_NODE = 'console';

/** Splits a device number as glibc's gnu_dev_major and gnu_dev_minor do: 12 and 20 bits, interleaved for old programs. */
export function splitDeviceNumber(rdev: bigint): { major: number; minor: number } {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return { major: Number(major), minor: Number(minor) };
}

/** The device node at `path`, symbolic links followed; rejects when there is none. */
export function deviceNow(path: string): HostDeviceNode {
  const device = toDevice(path, statSync(path, { bigint: true }));
  if (device === undefined) throw new Error(`"${path}" is not a device`);
  return device;
}

/**
 * Every device node at or below a directory, in the order of their names; links are not followed, FIFOs left out. Throws a
 * BadInputError when there are more than `most`.
 */
export function devicesBelowNow(dir: string, most = MOST_NODES): HostDeviceNode[] {
  const found = allBelow(dir);
  if (found.length > most) throw new BadInputError(`"${dir}" has more than ${most} devices`);
  return found;
}

function allBelow(dir: string): HostDeviceNode[] {
  const entries = readdirSync(dir, { withFileTypes: true });
  const found: HostDeviceNode[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) {
      if (!SKIPPED_DIRS.has(entry.name)) for (const each of unlessGone(() => allBelow(path), [])) found.push(each);
    } else if (entry.name !== SKIPPED_NODE && (entry.isCharacterDevice() || entry.isBlockDevice())) {
      const device = toDevice(
        path,
        unlessGone(() => lstatSync(path, { bigint: true }), undefined),
      );
      if (device !== undefined) found.push(device);
    }
  }
  return found;
}

/** A device node, or all below a directory. */
export function devicesAtNow(path: string): HostDeviceNode[] {
  return statSync(path).isDirectory() ? devicesBelowNow(path) : [deviceNow(path)];
}

function toDevice(path: string, found: BigIntStats | undefined): HostDeviceNode | undefined {
  if (found === undefined || !(found.isCharacterDevice() || found.isBlockDevice())) return undefined;
  return {
    path,
    type: found.isBlockDevice() ? 'b' : 'c',
    ...splitDeviceNumber(found.rdev),
    mode: Number(found.mode & 0o7777n),
    uid: Number(found.uid),
    gid: Number(found.gid),
  };
}

/** Devices come and go while a directory is read. */
function unlessGone<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return otherwise;
    throw error;
  }
}
