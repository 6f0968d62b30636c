import { errorMessage } from '../base/errors';
import type { Container } from '../model/container';
import { containerStdio } from './container-stdio';
import type { LifecycleDeps } from './deps';

/**
 * Takes up the stdio of a container that we find with a task, by the FIFOs that the task was made with: another program
 * may have chosen them. A log that cannot be opened costs the log, not the container.
 */
export async function reopenStdio(
  deps: Pick<LifecycleDeps, 'stdio' | 'paths' | 'maxLogLineBytes' | 'log'>,
  container: Container,
  task: { stdin: string; stdout: string; stderr: string },
): Promise<void> {
  const { stdin, stdout, stderr } = task;
  const paths = stdout === '' ? {} : { stdin: stdin || undefined, stdout, stderr: stderr || undefined };
  try {
    await deps.stdio.open({ ...containerStdio(deps, container), ...paths });
  } catch (error) {
    deps.log.error('the stdio of a running container cannot be taken up', {
      id: container.metadata.id,
      error: errorMessage(error),
    });
  }
}
