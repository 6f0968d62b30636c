import type { ExecSyncRequest, ExecSyncResponse } from '../../../generated/cri/v1/api';
import { unlessAborted, untilEnded } from '../../base/wait/deadline';
import type { Call } from '../../rpc/call';
import type { ExecCapture } from '../../stdio/exec-capture';
import type { CriDeps } from '../deps';
import { exhausted, invalid } from '../errors';
import { requireContainer } from '../require';
import { createExec, type ExecOptions, runExec, withExec } from './exec-process';
import { requireCommand } from './require-command';

/** A day: an exec without a timeout ends with its caller. */
const NO_TIMEOUT_MS = 86_400_000;
const NO_STDIN = { tty: false, stdin: false };

/**
 * Runs a command in a container and answers its output and exit code. Afterwards the process is gone, also when it took
 * longer than the timeout (DEADLINE_EXCEEDED, by which kubelet knows a slow probe) or the caller left, even while the output
 * was being read that a child of the process goes on to print.
 */
export async function execSync(deps: CriDeps, req: ExecSyncRequest, call: Call): Promise<ExecSyncResponse> {
  const container = requireContainer(deps, req.containerId);
  requireCommand(req.cmd);
  if (req.timeout < 0n) throw invalid('timeout', 'is negative');
  const timeoutMs = req.timeout > 0n ? Number(req.timeout) * 1000 : NO_TIMEOUT_MS;
  const drainMs = deps.config.drain_exec_sync_io_timeout || Number.POSITIVE_INFINITY;
  const owner = container.metadata.sandboxId;
  const options: ExecOptions<ExecCapture> = {
    stdio: NO_STDIN,
    open: ({ stdout, stderr }) => deps.execIo.capture({ owner, stdout, stderr }),
  };
  return withExec(deps, container, options, async (exec, output) => {
    const run = async (signal: AbortSignal): Promise<number> => {
      await createExec(deps, exec, req.cmd, signal);
      return runExec(deps, exec, signal);
    };
    const exitCode = await untilEnded(timeoutMs, 'the command', run, call.signal);
    // The command was in time; a child of it may hold the outputs for longer, but not for longer than the caller waits.
    const { stdout, stderr, crowdedOut } = await unlessAborted(output.drain(drainMs), call.signal);
    if (crowdedOut) throw exhausted('the output was cut: commands of ExecSync have printed too much at the same time');
    return { stdout, stderr, exitCode };
  });
}
