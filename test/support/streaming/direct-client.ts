import { SpdyClient } from './spdy-client';
import { askSpdy } from './upgrade';

/** Dials a URL that crisp gave out, over SPDY. Rejects with what the server says when it does not want us. */
export async function dialSpdy(url: string, protocols = 'v4.channel.k8s.io'): Promise<SpdyClient> {
  const answer = await askSpdy(url, protocols);
  if (!answer.socket) throw new Error(`${answer.status} ${answer.body}`);
  return new SpdyClient(answer.socket, answer.head);
}
