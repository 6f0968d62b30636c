import { WebSocket } from 'ws';

import { ExecRequest } from '../../../generated/cri/v1/api';
import { within } from '../../../src/base/wait/deadline';
import { Channels } from '../kubelet/channels';
import type { CommandProtocol } from '../kubelet/command';
import { type Outcome, outcomeOf } from '../kubelet/outcome';
import type { CriNode } from './pods';

const STDIN = 0;
/** For what never ends, not for what is slow. */
const ENDS_MS = 30_000;

/** A command for Exec, with the streams that its client wants. */
export interface StreamedCommand {
  readonly containerId: string;
  readonly cmd: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** Dials a URL that crisp gave out. */
export function dialChannels(url: string, protocol: CommandProtocol): Promise<Channels> {
  return Channels.open(new WebSocket(url.replace(/^http/, 'ws'), protocol));
}

/** Asks for the command and dials it: from then on it runs. */
export async function openStreamed(
  { cri }: Pick<CriNode, 'cri'>,
  command: StreamedCommand,
  protocol: CommandProtocol,
): Promise<Channels> {
  const { url } = await cri.runtime.exec(ExecRequest.fromPartial({ ...command, cmd: [...command.cmd] }));
  return dialChannels(url, protocol);
}

/** Runs a command to its end; `input` is sent when it has stdin. Rejects when it does not end in half a minute. */
export async function runStreamed(
  node: Pick<CriNode, 'cri'>,
  command: StreamedCommand,
  { protocol, input = '' }: { protocol: CommandProtocol; input?: string },
): Promise<Outcome> {
  const channels = await openStreamed(node, command, protocol);
  try {
    if (command.stdin) await channels.send(STDIN, input);
    return await within(ENDS_MS, `the end of ${command.cmd.join(' ')}`, () => outcomeOf(channels));
  } finally {
    channels.leave();
  }
}
