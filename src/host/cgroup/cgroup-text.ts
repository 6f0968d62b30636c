import { opendirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CgroupPressure, CgroupPressureLine } from '../../model/cgroup-values';
import { linesOfNow } from '../mount/read-locally';

/** A container sizes cgroup.procs, with 8 bytes for a process at most; the other files have some kilobytes. */
const MAX_TEXT_BYTES = 256 * 1024;

/**
 * Reads the files of one cgroup; what is not there is undefined, never an error. Synchronously, and so only on a thread of
 * its own (kernel-jobs.ts): the kernel answers most files in some 20 µs, but for memory.stat it may have a whole tree to
 * add up.
 */
export class CgroupDir {
  constructor(readonly path: string) {}

  text(name: string): string | undefined {
    try {
      return linesOfNow(join(this.path, name), MAX_TEXT_BYTES);
    } catch {
      return undefined;
    }
  }

  /** A file of one number; `max` is no number. */
  number(name: string): bigint | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : parseNumber(text);
  }

  /** A file of `key number` lines. */
  table(name: string): ReadonlyMap<string, bigint> {
    return parseTable(this.text(name) ?? '');
  }

  names(): string[] {
    try {
      return readdirSync(this.path);
    } catch {
      return [];
    }
  }

  /** The cgroups right below it, at most so many. */
  children(most: number): CgroupDir[] {
    const found: CgroupDir[] = [];
    try {
      const listing = opendirSync(this.path);
      try {
        for (let entry = listing.readSync(); entry && found.length < most; entry = listing.readSync()) {
          if (entry.isDirectory()) found.push(new CgroupDir(join(this.path, entry.name)));
        }
      } finally {
        listing.closeSync();
      }
    } catch {
      // It is gone.
    }
    return found;
  }
}

/** A decimal number of 64 bits, also a negative one; undefined for anything else, such as `max`. */
export function parseNumber(text: string): bigint | undefined {
  const trimmed = text.trim();
  return /^-?\d{1,20}$/.test(trimmed) ? BigInt(trimmed) : undefined;
}

/** Lines of a key and a number, as memory.stat has them; others are left out. */
export function parseTable(text: string): ReadonlyMap<string, bigint> {
  const rows = text.split('\n').flatMap((line): [string, bigint][] => {
    const [key, value, ...rest] = line.trim().split(/\s+/);
    const number = value === undefined ? undefined : parseNumber(value);
    return key === undefined || number === undefined || rest.length > 0 ? [] : [[key, number]];
  });
  return new Map(rows);
}

/** A `*.pressure` file: `some avg10=0.00 avg60=0.00 avg300=0.00 total=0` and the same for `full`, in microseconds. */
export function parsePressure(text: string | undefined): CgroupPressure | undefined {
  if (text === undefined) return undefined;
  const some = pressureLine(text, 'some');
  const full = pressureLine(text, 'full');
  return some === undefined && full === undefined ? undefined : { ...(some && { some }), ...(full && { full }) };
}

function pressureLine(text: string, kind: string): CgroupPressureLine | undefined {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${kind} `));
  if (line === undefined) return undefined;
  const fields = new Map(line.split(' ').map((field) => field.split('=') as [string, string]));
  const percent = (key: string): number => Number(fields.get(key) ?? 0);
  const totalNs = (parseNumber(fields.get('total') ?? '') ?? 0n) * 1000n;
  return { avg10: percent('avg10'), avg60: percent('avg60'), avg300: percent('avg300'), totalNs };
}

/** The given fields without those that are undefined: absent means "not known". */
export function known<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
