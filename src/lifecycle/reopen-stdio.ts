import { errorMessage } from '../base/errors';
import { endedOrLate } from '../io/ended-or-late';
import type { Container } from '../model/container';
import { containerStdio } from './container-stdio';
import type { LifecycleDeps } from './deps';

/** How long recovery waits for one container's stdio: the disk of its log may never answer. */
const OPEN_MS = 2000;

/**
 * Takes up the stdio of a container that we find with a task, by the FIFOs that the task was made with: another program
 * may have chosen them. A log that cannot be opened costs the log, not the container. What takes longer than two seconds
 * goes on in the background; whatever is asked of the stdio meanwhile comes after it.
 */
export async function reopenStdio(
  deps: Pick<LifecycleDeps, 'stdio' | 'paths' | 'maxLogLineBytes' | 'log'>,
  container: Container,
  task: { stdin: string; stdout: string; stderr: string },
): Promise<void> {
  const { id } = container.metadata;
  const { stdin, stdout, stderr } = task;
  const paths = stdout === '' ? {} : { stdin: stdin || undefined, stdout, stderr: stderr || undefined };
  const opened = deps.stdio.open({ ...containerStdio(deps, container), ...paths }).catch((error: unknown) => {
    deps.log.error('the stdio of a running container cannot be taken up', { id, error: errorMessage(error) });
  });
  if (await endedOrLate(opened, OPEN_MS)) return;
  deps.log.warn('the stdio of a running container is not taken up yet, going on without it', { id });
}
