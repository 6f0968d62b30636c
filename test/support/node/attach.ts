import { AttachRequest } from '../../../generated/cri/v1/api';
import { until } from '../daemon/process';
import { dialChannels } from './exec-stream';
import type { CriNode } from './pods';

/** Channels of the remote command protocol. */
const STDIN = 0;
const STDOUT = 1;

/** Attaches to a container, which has a terminal unless told otherwise, says something and waits until it has said it too. */
export async function talkTo(
  node: Pick<CriNode, 'cri'>,
  containerId: string,
  text: string,
  { tty = true } = {},
): Promise<void> {
  const request = AttachRequest.fromPartial({ containerId, tty, stdin: true, stdout: true });
  const { url } = await node.cri.runtime.attach(request);
  const channels = await dialChannels(url, 'v4.channel.k8s.io');
  try {
    await channels.send(STDIN, `${text}\n`);
    await until(`"${text}" is said`, 10_000, async () => channels.bytes(STDOUT).includes(text));
  } finally {
    channels.leave();
    await channels.closed;
  }
}
