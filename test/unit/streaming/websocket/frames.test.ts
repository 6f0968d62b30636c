import { useStreaming } from '../../../support/streaming/rig';
import { dialLoopback } from '../../../support/streaming/targets';
import { until } from '../../../support/streaming/until';
import {
  framesIn,
  type ReceivedFrame,
  rawWebSocket,
  webSocketFrame,
} from '../../../support/streaming/web-socket-frames';

const rig = useStreaming();
const SIZES = [0, 1, 124, 125, 126, 65_534, 65_535, 65_536, 300_000];
const [TEXT, BINARY, CLOSE] = [1, 2, 8];

/** A client that takes each frame for a message, as golang.org/x/net/websocket does. */
async function client(url: string, protocol: string) {
  const socket = rig.now.keep(await rawWebSocket(url, protocol));
  const frames = (): ReceivedFrame[] => framesIn(socket.received());
  return { socket, frames };
}

function written(to: NodeJS.WritableStream | undefined, data: Buffer): Promise<unknown> {
  return new Promise((resolve) => to?.write(data, resolve));
}

function bytes(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, at) => at % 251));
}

function decoded({ opcode, payload }: ReceivedFrame): { channel: number; data: Buffer } {
  const [first = 0] = payload;
  if (opcode === BINARY) return { channel: first, data: payload.subarray(1) };
  return { channel: first - 0x30, data: Buffer.from(payload.toString('latin1', 1), 'base64') };
}

function sizesOn(frames: readonly ReceivedFrame[], channel: number): number[] {
  return frames
    .filter(({ opcode }) => opcode !== CLOSE)
    .map(decoded)
    .filter((message) => message.channel === channel)
    .map(({ data }) => data.length);
}

describe('On the wire, each message of a WebSocket is one frame', () => {
  it.each([
    ['v5.channel.k8s.io', BINARY],
    ['v4.channel.k8s.io', BINARY],
    ['channel.k8s.io', BINARY],
    ['v4.base64.channel.k8s.io', TEXT],
    ['base64.channel.k8s.io', TEXT],
  ])('of a process, by %s, on every channel and of any size', async (protocol, opcode) => {
    rig.now.runtime.onExec = async ({ stdout, stderr }) => {
      for (const size of SIZES) await Promise.all([stdout, stderr].map((output) => written(output, bytes(size))));
      return 7;
    };
    const { socket, frames } = await client(rig.now.execUrl(), protocol);
    await until('the server closes', () => frames().at(-1)?.opcode === CLOSE);
    const messages = frames().slice(0, -1);
    expect(messages.filter((frame) => !frame.fin || frame.opcode !== opcode)).toEqual([]);
    expect(sizesOn(messages, 1)).toEqual([0, ...SIZES]); // the first announces the streams
    expect(sizesOn(messages, 2)).toEqual(SIZES);
    expect(sizesOn(messages, 3)).toHaveLength(1);
    for (const { data } of messages.map(decoded).filter(({ channel }) => channel < 3)) {
      expect(data.equals(bytes(data.length))).toBe(true);
    }
    socket.destroy();
  });

  it('of an attach', async () => {
    rig.now.runtime.onAttach = async ({ stdout }) => {
      await written(stdout, Buffer.from('attached'));
    };
    const { frames } = await client(rig.now.attachUrl(), 'v4.channel.k8s.io');
    await until('the output', () => frames().length >= 2);
    expect(frames().slice(0, 2)).toEqual([
      { fin: true, opcode: BINARY, payload: Buffer.from([1]) },
      { fin: true, opcode: BINARY, payload: Buffer.from('\x01attached') },
    ]);
  });

  it.each(['v4.channel.k8s.io', 'v4.base64.channel.k8s.io'])('of forwarded ports, by %s', async (protocol) => {
    rig.now.runtime.onDial = dialLoopback;
    const ports = await Promise.all(Array.from({ length: 7 }, () => rig.now.targets.echo()));
    const { socket, frames } = await client(rig.now.forwardUrl(ports), protocol);
    const last = 12;
    const text = protocol.includes('base64');
    const message = text ? Buffer.from(`<${Buffer.from('echo').toString('base64')}`) : Buffer.from('\x0cecho');
    await until('the names', () => frames().length >= 2 * ports.length);
    socket.write(webSocketFrame({ opcode: text ? TEXT : BINARY, payload: message }));
    await until('the echo', () => sizesOn(frames(), last).length > 1);
    expect(frames().filter(({ fin }) => !fin)).toEqual([]);
    const channels = Array.from({ length: 2 * ports.length }, (_, channel) => sizesOn(frames(), channel));
    expect(channels).toEqual(channels.map((_, channel) => (channel === last ? [2, 4] : [2])));
  });
});
