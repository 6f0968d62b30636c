import type { ExecSyncRequest, ExecSyncResponse } from '../../../generated/cri/v1/api';
import { withDeadline } from '../../base/deadline';
import type { Call } from '../../rpc/call';
import type { CriDeps } from '../deps';
import { invalid } from '../errors';
import { requireContainer } from '../require';
import { createExec, deleteExec, newExec, runExec } from './exec-process';
import { requireCommand } from './require-command';

/** A day: an exec without a timeout ends with its caller. */
const NO_TIMEOUT_MS = 86_400_000;

/**
 * Runs a command in a container and answers its output and exit code. Afterwards the process is gone, also when it took
 * longer than the timeout (DEADLINE_EXCEEDED, by which kubelet knows a slow probe) or the caller left.
 */
export async function execSync(deps: CriDeps, req: ExecSyncRequest, call: Call): Promise<ExecSyncResponse> {
  const container = requireContainer(deps, req.containerId);
  requireCommand(req.cmd);
  if (req.timeout < 0n) throw invalid('timeout', 'is negative');
  const exec = await newExec(deps, container);
  const output = deps.execIo.capture(exec);
  const timeoutMs = req.timeout > 0n ? Number(req.timeout) * 1000 : NO_TIMEOUT_MS;
  const deadline = withDeadline(call.signal, timeoutMs, 'the command');
  let deleting: Promise<void> | undefined;
  try {
    await createExec(deps, exec, req.cmd, deadline.signal);
    const exitCode = await runExec(deps, exec, deadline.signal);
    // The shim deletes a process when all that it printed is in the FIFOs, which we go on to read meanwhile.
    deleting = deleteExec(deps, exec);
    const { stdout, stderr } = await output.drain(deps.config.drain_exec_sync_io_timeout || Number.POSITIVE_INFINITY);
    return { stdout, stderr, exitCode };
  } finally {
    deadline.cancel();
    output.close();
    await (deleting ?? deleteExec(deps, exec));
  }
}
