import { closeSync, constants, openSync, readSync } from 'node:fs';
import { errnoOf } from '../../base/errors';

/** The kernel gives one record at a time, and none is longer. */
const RECORD_BYTES = 8192;
/** More records than the largest log has. */
const MOST_RECORDS = 1_000_000;
/** Of a record that was overwritten before it was read, and of one that is too long: the next read gives the next one. */
const GOES_ON: ReadonlySet<string> = new Set(['EPIPE', 'EINVAL']);

/**
 * The path of a cgroup after `task_memcg=`, or at the beginning of a record (`PRIORITY,NUMBER,TIME,FLAGS;TEXT`): the kernel
 * writes such a line in pieces, and each is a record when another processor writes in between.
 */
const CGROUP = /(?:\btask_memcg=|^\d+,\d+,\d+,[^;\n]*;)(\/[^,\n]+)/gm;

/** As `oomKilledCgroups` in oom-kills.ts, by the file of the log; reads some thousand records on this thread. */
export function oomKilledCgroupsNow(path: string): readonly string[] {
  const found = new Set<string>();
  for (const record of recordsOf(path)) {
    for (const [, cgroup = ''] of record.matchAll(CGROUP)) found.add(cgroup);
  }
  return [...found];
}

function* recordsOf(path: string): Generator<string> {
  const buffer = Buffer.alloc(RECORD_BYTES);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    for (let read = 0; read < MOST_RECORDS; read++) {
      const bytes = readOne(fd, buffer);
      if (bytes === undefined) return;
      if (bytes > 0) yield buffer.toString('latin1', 0, bytes);
    }
  } finally {
    closeSync(fd);
  }
}

/** Bytes of the next record; 0 when that one cannot be had, undefined after the last. */
function readOne(fd: number, buffer: Buffer): number | undefined {
  try {
    return readSync(fd, buffer) || undefined;
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (GOES_ON.has(errno)) return 0;
    if (errno === 'EAGAIN') return undefined;
    throw error;
  }
}
