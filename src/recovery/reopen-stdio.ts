import type { Container } from '../model/container';
import { containerStdio } from '../tasks/container-stdio';
import type { LifecycleDeps } from '../tasks/deps';

/**
 * Takes up the stdio of a container that was found with a task, by the FIFOs that the task was made with: another program
 * may have chosen them. Resolves when it is open; until then it is tried again in the background. Of a container whose
 * record cannot be read the log is not known: what crisp-stdio has open of it stays as it is.
 */
export async function takeUpStdio(
  deps: Pick<LifecycleDeps, 'stdio' | 'paths' | 'maxLogLineBytes'>,
  container: Container,
  task: { readonly stdin: string; readonly stdout: string; readonly stderr: string },
): Promise<void> {
  if (container.metadata.name === '') return;
  const { stdin, stdout, stderr } = task;
  const paths = stdout === '' ? {} : { stdin: stdin || undefined, stdout, stderr: stderr || undefined };
  await deps.stdio.takeUp({ ...containerStdio(deps, container), ...paths });
}
