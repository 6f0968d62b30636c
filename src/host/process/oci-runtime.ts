import { runOk } from './run';

/** A container as an OCI runtime knows it: by its program, its root directory and an id. */
export interface RuntimeContainer {
  /** `runc`, or a path. */
  readonly program: string;
  readonly root: string;
  readonly id: string;
}

/** Ends a container's processes and has the runtime forget it; one that it does not know is fine. */
export async function deleteRuntimeContainer({ program, root, id }: RuntimeContainer): Promise<void> {
  await runOk([program, '--root', root, 'delete', '--force', id], { timeoutMs: 10_000 });
}
