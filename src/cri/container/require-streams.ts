import { invalid } from '../errors';

interface Streams {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** The streams an Exec or Attach asks for: at least one, and a terminal has no stderr of its own. */
export function requireStreams({ tty, stdin, stdout, stderr }: Streams): Streams {
  if (!stdin && !stdout && !stderr) throw invalid('stdin, stdout, stderr', 'none is asked for');
  if (tty && stderr) throw invalid('stderr', 'a terminal has one output only');
  return { tty, stdin, stdout, stderr };
}
