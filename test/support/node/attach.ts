import { WebSocket } from 'ws';

import { AttachRequest } from '../../../generated/cri/v1/api';
import { until } from '../daemon/process';
import { Channels } from '../kubelet/channels';
import type { CriNode } from './pods';

/** Channels of the remote command protocol. */
const STDIN = 0;
const STDOUT = 1;

/** Attaches to a container with a terminal, says something and waits until the terminal has said it too. */
export async function talkTo(node: CriNode, containerId: string, text: string): Promise<void> {
  const request = AttachRequest.fromPartial({ containerId, tty: true, stdin: true, stdout: true });
  const { url } = await node.cri.runtime.attach(request);
  const socket = new WebSocket(url.replace(/^http/, 'ws'), 'v4.channel.k8s.io');
  const channels = await Channels.open(socket);
  await channels.send(STDIN, `${text}\n`);
  await until(`"${text}" is said`, 10_000, async () => channels.bytes(STDOUT).includes(text));
  channels.leave();
  await channels.closed;
}
