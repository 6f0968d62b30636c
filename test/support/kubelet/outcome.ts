import type { Channels } from './channels';

const [STDOUT, STDERR, STATUS] = [1, 2, 3] as const;

/** How a command ended, as protocols v4 and v5 tell it. */
export interface Outcome {
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

interface StatusMessage {
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly { readonly reason: string; readonly message: string }[] };
}

/** Resolves when the other side is done. */
export async function outcomeOf(channels: Channels): Promise<Outcome> {
  await channels.closed;
  const text = channels.bytes(STATUS).toString();
  const { status, message, reason, details } = JSON.parse(text || '{"status":"Failure"}') as StatusMessage;
  const exitCode = details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message;
  return {
    status,
    message,
    reason,
    exitCode: status === 'Success' ? 0 : exitCode === undefined ? undefined : Number(exitCode),
    stdout: channels.bytes(STDOUT).toString(),
    stderr: channels.bytes(STDERR).toString(),
  };
}
