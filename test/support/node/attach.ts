import { WebSocket } from 'ws';

import { AttachRequest } from '../../../generated/cri/v1/api';
import { until } from '../daemon/process';
import type { CriNode } from './pods';

/** Channels of the remote command protocol. */
const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;

/** A client attached to a container over a WebSocket. */
export interface AttachedClient {
  /** Sends text to its stdin. */
  send(text: string): void;
  /** Waits until the container has printed the text since we came. */
  saw(text: string): Promise<void>;
  /** Leaves; resolves when the connection is closed. */
  leave(): Promise<void>;
}

/** Attaches to a running container's output, and to its stdin when it has one. */
export async function attachTo(
  node: CriNode,
  containerId: string,
  streams: { readonly tty?: boolean; readonly stdin?: boolean } = {},
): Promise<AttachedClient> {
  const { tty = false, stdin = false } = streams;
  const request = AttachRequest.fromPartial({ containerId, tty, stdin, stdout: true, stderr: !tty });
  const { url } = await node.cri.runtime.attach(request);
  const socket = new WebSocket(url.replace(/^http/, 'ws'), 'v4.channel.k8s.io');
  let output = '';
  socket.on('message', (data: Buffer) => {
    if (data[0] === STDOUT || data[0] === STDERR) output += data.subarray(1).toString();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return {
    send: (text) => socket.send(Buffer.concat([Buffer.from([STDIN]), Buffer.from(text)])),
    saw: (text) => until(`"${text}" is printed`, 10_000, async () => output.includes(text)),
    leave: () => {
      socket.close();
      return closed;
    },
  };
}
