import { Readable, Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { UnreadQueue } from '../unread-queue';
import type { MessageKeeper } from './kept-messages';

/** Bytes of a channel that wait for their reader, above which the connection is not read any more. */
const READ_BYTES = 64 * 1024;
/** Whoever writes waits above this: single bytes are kept as chunks, each some hundred bytes. */
const WRITE_BYTES = 4 * 1024;
/** On this channel a client names one that it has ended. */
const CLOSE_CHANNEL = 255;
/** How often a client that we do not read is asked for a sign of life: its leaving would go unseen. */
const PING_EVERY_MS = 5_000;
/** What a client gets to answer our close. */
const CLOSE_WITHIN_MS = 10_000;
const NORMAL = 1000;

export interface ChannelOptions {
  /** Text messages: the channel is a digit, what follows it base64. Otherwise the channel is the first byte. */
  readonly base64: boolean;
  readonly halfClose: boolean;
  /** What is kept for all clients. */
  readonly messages: MessageKeeper;
}

interface Input {
  readonly stream: Readable;
  readonly queue: UnreadQueue;
}

/** Streams over one WebSocket, told apart by the first byte of each message. */
export class WebSocketChannels {
  private readonly inputs = new Map<number, Input>();
  private readonly outputs = new Set<Writable>();
  private readonly full = new Set<number>();
  private unread = 0;
  private pinging: NodeJS.Timeout | undefined;

  constructor(
    private readonly socket: WebSocket,
    private readonly options: ChannelOptions,
  ) {
    socket.on('message', (message) => this.receive(bytesOf(message)));
    socket.on('error', () => undefined); // `close` follows
    socket.once('close', () => this.lose());
  }

  /** What the client sends on a channel. Destroyed without an end when the client leaves. */
  input(channel: number): Readable {
    const input = new Readable({
      highWaterMark: READ_BYTES,
      read: () => this.setFull(channel, false),
      destroy: (error, done) => {
        this.setFull(channel, false);
        done(error);
      },
    });
    const queue = new UnreadQueue(input, (by) => this.keep(by));
    input.on('error', () => undefined);
    this.inputs.set(channel, { stream: input, queue });
    return input;
  }

  /** What the client gets on a channel. Its end is told to nobody: the protocols have no words for it. */
  output(channel: number): Writable {
    const output = new Writable({
      highWaterMark: WRITE_BYTES,
      write: (chunk: Buffer, _encoding, done) => this.send(channel, chunk, done),
    });
    output.on('error', () => undefined);
    this.outputs.add(output);
    return output;
  }

  /** Sends a message with nothing in it but its channel: a client may wait for one to know that all is set up. */
  announce(channel: number): void {
    this.send(channel, Buffer.alloc(0), () => undefined);
  }

  /** Closes the connection in good order; all that was written before comes first. */
  close(): void {
    for (const { stream } of this.inputs.values()) stream.resume();
    if (this.socket.readyState === this.socket.CLOSED) return; // no event will come, and the timer would keep it all
    const late = setTimeout(() => this.socket.terminate(), CLOSE_WITHIN_MS).unref();
    this.socket.once('close', () => clearTimeout(late));
    this.socket.close(NORMAL);
  }

  /** Sends one message as one frame: older clients take each frame for a message, so fragments would lose their channel. */
  private send(channel: number, chunk: Buffer, done: (error?: Error | null) => void): void {
    const { socket } = this;
    if (socket.readyState !== socket.OPEN) done(new Error('the connection is closed'));
    else if (this.options.base64) socket.send(base64Message(channel, chunk), done);
    else socket.send(messageOf(channel, chunk), done);
  }

  private receive(message: Buffer): void {
    const { base64, halfClose } = this.options;
    const [first] = message;
    if (first === undefined) return;
    if (halfClose && first === CLOSE_CHANNEL) {
      this.endInput(message[1]);
      return;
    }
    const channel = base64 ? first - 0x30 : first;
    const input = this.inputs.get(channel);
    if (!input || input.stream.destroyed || message.length === 1) return;
    const data = base64 ? Buffer.from(message.toString('latin1', 1), 'base64') : message.subarray(1);
    if (data.length === 0) return;
    if (!input.queue.push(data)) this.setFull(channel, true);
  }

  /** So many bytes more, or less, wait for their readers. */
  private keep(by: number): void {
    this.unread += by;
    this.options.messages.set(this, this.unread, () => this.socket.terminate());
  }

  private endInput(channel: number | undefined): void {
    if (channel === undefined) return;
    this.inputs.get(channel)?.queue.end();
    this.inputs.delete(channel);
    this.setFull(channel, false); // nothing more can come, and no read will ask for it
  }

  private setFull(channel: number, full: boolean): void {
    const before = this.full.size > 0;
    if (full) this.full.add(channel);
    else this.full.delete(channel);
    const now = this.full.size > 0;
    if (before === now) return;
    clearInterval(this.pinging);
    if (now) {
      this.socket.pause();
      this.pinging = setInterval(() => this.socket.ping(), PING_EVERY_MS).unref();
    } else {
      this.socket.resume();
    }
  }

  private lose(): void {
    clearInterval(this.pinging);
    for (const { stream } of this.inputs.values()) stream.destroy();
    for (const output of this.outputs) output.destroy();
    this.inputs.clear();
    this.outputs.clear();
  }
}

/** A message of a binary protocol: the channel, then the data. */
function messageOf(channel: number, data: Buffer): Buffer {
  const message = Buffer.allocUnsafe(1 + data.length);
  message[0] = channel;
  data.copy(message, 1);
  return message;
}

/** A message of a base64 protocol. Its first character is the channel counted from `0`: channel 10 is `:`. */
function base64Message(channel: number, data: Buffer): string {
  return `${String.fromCharCode(0x30 + channel)}${data.toString('base64')}`;
}

function bytesOf(message: RawData): Buffer {
  if (Buffer.isBuffer(message)) return message;
  return Array.isArray(message) ? Buffer.concat(message) : Buffer.from(message);
}
