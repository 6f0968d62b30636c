import { invalid } from '../errors';

/** Refuses a command that cannot be run in any container: an empty one, or one with a NUL byte, which would end an argument. */
export function requireCommand(cmd: readonly string[]): void {
  if (cmd.length === 0) throw invalid('cmd', 'is empty');
  cmd.forEach((each, i) => {
    if (each.includes('\0')) throw invalid(`cmd[${i}]`, 'the argument has a NUL byte');
  });
}
