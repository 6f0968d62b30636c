import { existsSync, readFileSync } from 'node:fs';

const LINE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stdout F line (\d+) of (\d+)$/;

/** What is wrong with a log; `lines` is how many are right. */
export interface LogVerdict {
  readonly lines: number;
  readonly torn: number;
  readonly disordered: number;
  readonly lost: number;
  /** Its last line. */
  readonly end: string;
}

/**
 * Reads a container's log, whose lines count from 1. `whole`: it ended by itself, so the last line is there too.
 * `restarts`: so often it may begin anew, for a start that nobody answered may have begun it.
 */
export function checkLog(path: string, { whole, restarts }: { whole: boolean; restarts: number }): LogVerdict {
  const content = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const rows = content.split('\n');
  let torn = rows.pop() === '' ? 0 : 1;
  let [disordered, lost, last, total, begun] = [0, 0, 0, 0, 0];
  for (const row of rows) {
    const match = LINE.exec(row);
    if (!match) {
      torn += 1;
      continue;
    }
    const at = Number(match[1]);
    total = Number(match[2]);
    if (at === 1) begun += 1;
    const anew = at === 1 && begun - 1 <= restarts;
    if (at > last + 1) lost += at - last - 1;
    else if (at !== last + 1 && !anew) disordered += 1;
    last = at;
  }
  if (whole) lost += total === 0 ? 1 : total - last;
  return { lines: rows.length, torn, disordered, lost, end: rows.at(-1) ?? '' };
}
