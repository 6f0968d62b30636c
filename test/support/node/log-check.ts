import { existsSync, readFileSync } from 'node:fs';

const ROW = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([PF]) (.*)$/;
/** `line 3 of 40`, maybe with a number and so many `x`, or with what the line was told. */
const LINE = /^line (\d+) of (\d+)(?: (\d+) (x*)| heard \S+)?$/;

type Stream = 'stdout' | 'stderr';

export interface ExpectedLog {
  /** The container came to its end, or has said that it waits: its last line is there too. */
  readonly whole: boolean;
  /** So often a stream may begin anew: a start that nobody answered may have begun it. */
  readonly restarts?: number;
  /** Which streams have lines; each counts from 1. stdout alone when left out. */
  readonly streams?: readonly Stream[];
}

/** What is wrong with a log; `lines` is how many rows there are. */
export interface LogVerdict {
  readonly lines: number;
  readonly torn: number;
  /** Out of order, or twice. */
  readonly disordered: number;
  readonly lost: number;
  /** Rows whose time is before that of the row above. */
  readonly backwards: number;
  /** Its last row. */
  readonly end: string;
}

/** Reads a container's log: one file, or, where it was rotated, all of them, oldest first. */
export function checkLog(paths: string | readonly string[], expected: ExpectedLog): LogVerdict {
  const { whole, restarts = 0, streams = ['stdout'] } = expected;
  const counts = new Map(streams.map((name) => [name, new StreamCount(restarts)]));
  let [torn, lines, backwards, last, end] = [0, 0, 0, '', ''];
  for (const path of [paths].flat()) {
    const rows = (existsSync(path) ? readFileSync(path, 'utf8') : '').split('\n');
    if (rows.pop() !== '') torn += 1;
    lines += rows.length;
    for (const row of rows) {
      const [, time = '', stream, tag, text = ''] = ROW.exec(row) ?? [];
      const count = counts.get(stream as Stream);
      if (!count?.read(tag === 'F', text)) torn += 1;
      if (time !== '' && time < last) backwards += 1;
      last = time || last;
    }
    end = rows.at(-1) ?? end;
  }
  const all = [...counts.values()];
  return {
    ...{ lines, backwards, end },
    torn: torn + all.filter((each) => each.unfinished).length,
    disordered: sum(all.map((each) => each.disordered)),
    lost: sum(all.map((each) => each.lost + (whole ? each.missing : 0))),
  };
}

/** Counts the lines of one stream. */
class StreamCount {
  disordered = 0;
  lost = 0;
  private begun = 0;
  private last = 0;
  private total = 0;
  private beginning = '';

  constructor(private readonly restarts: number) {}

  /** Takes a row, which may be only the beginning of a line. False when it is not what was written. */
  read(complete: boolean, text: string): boolean {
    const line = this.beginning + text;
    this.beginning = complete ? '' : line;
    if (!complete) return true;
    const [match, at = '', total = '', length, filling = ''] = LINE.exec(line) ?? [];
    if (match === undefined) return false;
    this.count(Number(at), Number(total));
    return length === undefined || filling.length === Number(length);
  }

  /** Its last row does not end its line. */
  get unfinished(): boolean {
    return this.beginning !== '';
  }

  /** Lines after the last one that came; one when none came. */
  get missing(): number {
    return this.total === 0 ? 1 : this.total - this.last;
  }

  private count(at: number, total: number): void {
    this.total = total;
    if (at === 1) this.begun += 1;
    const anew = at === 1 && this.begun - 1 <= this.restarts;
    if (at > this.last + 1) this.lost += at - this.last - 1;
    else if (at !== this.last + 1 && !anew) this.disordered += 1;
    this.last = at;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}
