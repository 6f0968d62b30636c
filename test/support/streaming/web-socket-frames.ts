import { askUpgrade } from './upgrade';

export interface FrameParts {
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly opcode?: number;
  readonly masked?: boolean;
  /** What the frame says of its length; absent: the truth. */
  readonly length?: number;
  readonly payload?: Uint8Array;
}

/** A frame as a client sends it, right or wrong. */
export function webSocketFrame(parts: FrameParts): Buffer {
  const { fin = true, rsv = 0, opcode = 2, masked = true, payload = Buffer.alloc(0) } = parts;
  const length = parts.length ?? payload.length;
  const first = (fin ? 0x80 : 0) | ((rsv & 7) << 4) | (opcode & 15);
  const mask = masked ? 0x80 : 0;
  let head: Buffer;
  if (length < 126) head = Buffer.from([first, mask | length]);
  else if (length < 65_536) head = Buffer.from([first, mask | 126, length >> 8, length & 255]);
  else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = mask | 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  if (!masked) return Buffer.concat([head, payload]);
  const key = Buffer.from([1, 2, 3, 4]);
  const hidden = Buffer.from(payload.map((byte, at) => byte ^ (key[at % 4] ?? 0)));
  return Buffer.concat([head, key, hidden]);
}

/** A frame as it came from a server. */
export interface ReceivedFrame {
  readonly fin: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
}

/** The whole frames at the start of what a server sent. */
export function framesIn(sent: Buffer): ReceivedFrame[] {
  const frames: ReceivedFrame[] = [];
  let at = 0;
  while (sent.length - at >= 2) {
    const [first = 0, short = 0] = sent.subarray(at);
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (sent.length - at < head) break;
    const length = head === 2 ? short : head === 4 ? sent.readUInt16BE(at + 2) : Number(sent.readBigUInt64BE(at + 2));
    const end = at + head + length;
    if (sent.length < end) break;
    frames.push({ fin: first >= 0x80, opcode: first & 15, payload: sent.subarray(at + head, end) });
    at = end;
  }
  return frames;
}

/** A connection that has been upgraded to WebSocket, for writing and reading frames by hand. */
export async function rawWebSocket(url: string, protocol: string) {
  const { socket, status, head } = await askUpgrade(url, {
    method: 'GET',
    headers: {
      upgrade: 'websocket',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': protocol,
    },
  });
  if (!socket) throw new Error(String(status));
  const received = [head];
  const state = Object.assign(socket, { over: false, received: () => Buffer.concat(received) });
  socket.on('data', (chunk) => received.push(chunk));
  for (const event of ['end', 'close']) {
    socket.on(event, () => {
      state.over = true;
    });
  }
  return state;
}
