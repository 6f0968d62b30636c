import { errorMessage } from '../base/errors';

/** How a command ended: with an exit code, or because of an error. */
export type CommandResult = { readonly exitCode: number } | { readonly error: unknown };

/** The status of protocols v4 and v5: one `metav1.Status`; kubectl takes the exit code from its causes. */
export function statusJson(result: CommandResult): string {
  if ('error' in result) {
    const message = errorMessage(result.error);
    return statusOf({
      status: 'Failure',
      message: `Internal error occurred: ${message}`,
      reason: 'InternalError',
      details: { causes: [{ message }] },
      code: 500,
    });
  }
  if (result.exitCode === 0) return statusOf({ status: 'Success' });
  return statusOf({
    status: 'Failure',
    message: exitText(result.exitCode),
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(result.exitCode) }] },
  });
}

/** The status of older protocols: words for a person, and none when all went well. */
export function statusText(result: CommandResult): string {
  if ('error' in result) return errorMessage(result.error);
  return result.exitCode === 0 ? '' : exitText(result.exitCode);
}

function exitText(code: number): string {
  return `command terminated with non-zero exit code: exit status ${code}`;
}

function statusOf(fields: Record<string, unknown>): string {
  return JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, ...fields });
}
