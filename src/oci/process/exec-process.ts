import type { Pieces } from '../../base/work/pieces';
import type { SpecProcess } from '../../model/spec';
import { OciError } from '../oci-error';
import { omitEmpty } from '../omit-empty';
import { withEnv } from './env';
import { checkArguments, checkProcessSize } from './process-limits';

/**
 * The process of an exec: the container's own with other arguments. User, groups, capabilities, directory, environment
 * and confinement are those the container was made with; they are not looked up again. It shares them with `process`.
 */
export function* execProcess(
  process: SpecProcess | undefined,
  { cmd, tty }: { cmd: readonly string[]; tty: boolean },
): Pieces<SpecProcess> {
  if (cmd.length === 0) throw new OciError('cmd', 'is empty');
  checkArguments(cmd, 'cmd');
  if (!process) throw new OciError('container_id', 'the container has no process', { code: 'FAILED_PRECONDITION' });
  const { consoleSize: _, ...inherited } = process;
  const env = tty ? yield* withEnv(inherited.env ?? [], ['TERM=xterm']) : (inherited.env ?? []);
  const own = { ...inherited, terminal: tty, args: [...cmd], env };
  yield* checkProcessSize(own, 'cmd');
  return omitEmpty(own);
}
