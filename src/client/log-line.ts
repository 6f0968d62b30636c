import { readFile } from 'node:fs/promises';
import { errnoOf } from '../base/errors';
import { sleep } from '../base/wait/backoff';
import { withDeadline } from '../base/wait/deadline';

/** One line of a container's log file. */
export interface LogLine {
  /** RFC 3339 with up to nine digits after the second. */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** False for the beginning of a line that was too long for one. */
  readonly complete: boolean;
  readonly text: string;
}

// Go's RFC3339Nano, which other runtimes write, leaves out the zeros at the end.
const LINE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([PF]) (.*)$/s;
const LOOK_AGAIN_MS = 20;

/** Parses a line of the log format that kubelet reads; throws on anything else. */
export function parseLogLine(line: string): LogLine {
  const [, time = '', stream, tag, text = ''] = LINE.exec(line) ?? [];
  if (stream === undefined) throw new Error(`not a line of a container log: ${JSON.stringify(line)}`);
  return { time, stream: stream === 'stderr' ? 'stderr' : 'stdout', complete: tag === 'F', text };
}

/** Waits until a complete line of the log file is `text`, at most `timeoutMs`. The file need not be there yet. */
export async function waitForLogLine(
  file: string,
  text: string,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<LogLine> {
  using deadline = withDeadline(options.signal, options.timeoutMs, `waiting for the line "${text}" in ${file}`);
  for (;;) {
    const lines = (await read(file)).split('\n').slice(0, -1).map(parseLogLine);
    const found = lines.find((line) => line.complete && line.text === text);
    if (found) return found;
    await sleep(LOOK_AGAIN_MS, deadline.signal);
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}
