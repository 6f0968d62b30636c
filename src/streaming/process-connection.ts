import type { CommandResult } from './command-status';
import type { AttachRequest, ExecRequest, ProcessStreams, StreamingRuntime } from './streaming-runtime';

/** A client that has opened all its streams; one for each transport. */
export interface ProcessConnection {
  readonly streams: ProcessStreams;
  /** Tells the client how it ended, ends its streams and says goodbye. The outputs have been written before. */
  finish(result: CommandResult): void;
}

export type ProcessRequest =
  | { readonly kind: 'exec'; readonly request: ExecRequest }
  | { readonly kind: 'attach'; readonly request: AttachRequest };

/**
 * Runs what was asked for between the client and the runtime, and tells the client how it ended. `onMade`: see StreamingRuntime.
 * Never rejects.
 */
export async function runProcess(
  runtime: StreamingRuntime,
  asked: ProcessRequest,
  { connection, onMade }: { readonly connection: ProcessConnection; readonly onMade?: () => void },
): Promise<CommandResult> {
  const result = await outcome(runtime, asked, { streams: connection.streams, onMade });
  connection.finish(result);
  return result;
}

async function outcome(
  runtime: StreamingRuntime,
  asked: ProcessRequest,
  { streams, onMade }: { readonly streams: ProcessStreams; readonly onMade?: () => void },
): Promise<CommandResult> {
  try {
    if (asked.kind === 'exec') return { exitCode: await runtime.exec(asked.request, streams, onMade) };
    await runtime.attach(asked.request, streams);
    return { exitCode: 0 };
  } catch (error) {
    return { error };
  }
}
