import type { WebSocket } from 'ws';
import { statusJson, statusText } from '../command-status';
import type { ProcessConnection } from '../process-connection';
import type { WebSocketProcessProtocol } from '../protocols';
import type { ProcessStreams } from '../streaming-runtime';
import { TerminalSizes } from '../terminal-sizes';
import { WebSocketChannels } from './channels';
import type { MessageKeeper } from './kept-messages';

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;

export interface WantedChannels {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** All channels of a process are there from the start: nothing is waited for. */
export function processOverWebSocket(
  socket: WebSocket,
  protocol: WebSocketProcessProtocol,
  { wanted, messages }: { wanted: WantedChannels; messages: MessageKeeper },
): ProcessConnection {
  const gone = new AbortController();
  socket.once('close', () => gone.abort(new Error('the client is gone')));
  if (socket.readyState !== socket.OPEN) gone.abort(new Error('the client is gone'));
  const channels = new WebSocketChannels(socket, { ...protocol, messages });
  const sizes = new TerminalSizes(channels.input(RESIZE));
  const error = channels.output(ERROR);
  const streams: ProcessStreams = {
    stdin: wanted.stdin ? channels.input(STDIN) : undefined,
    stdout: wanted.stdout ? channels.output(STDOUT) : undefined,
    stderr: wanted.stderr ? channels.output(STDERR) : undefined,
    onResize: (listener) => sizes.onResize(listener),
    signal: gone.signal,
  };
  channels.announce(wanted.stdout ? STDOUT : wanted.stderr ? STDERR : ERROR);
  return {
    streams,
    finish: (result) => {
      const status = (protocol.jsonStatus ? statusJson : statusText)(result);
      if (status !== '') error.write(status);
      channels.close();
    },
  };
}
