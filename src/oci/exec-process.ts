import type { SpecProcess } from '../model/spec';
import { withEnv } from './env';
import { OciError } from './oci-error';
import { omitEmpty } from './omit-empty';
import { checkNoNul } from './process-args';

/**
 * The process of an exec: the container's own with other arguments. User, groups, capabilities, directory, environment
 * and confinement are those the container was made with; they are not looked up again. It shares them with `process`.
 */
export function execProcess(
  process: SpecProcess | undefined,
  { cmd, tty }: { cmd: readonly string[]; tty: boolean },
): SpecProcess {
  if (cmd.length === 0) throw new OciError('cmd', 'is empty');
  checkNoNul(cmd, 'cmd');
  if (!process) throw new OciError('container_id', 'the container has no process', { code: 'FAILED_PRECONDITION' });
  const { consoleSize: _, ...inherited } = process;
  const env = inherited.env ?? [];
  return omitEmpty({ ...inherited, terminal: tty, args: [...cmd], env: tty ? withEnv(env, ['TERM=xterm']) : env });
}
