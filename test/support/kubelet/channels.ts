import type { Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';

/** v5's channel on which a client names one that it has ended. */
const CLOSE = 255;

/** The client's end of the protocols that put a channel's number before each message's bytes. */
export class Channels {
  /** When the other side is done; never rejects. */
  readonly closed: Promise<void>;
  private readonly kept = new Map<number, Buffer[]>();
  private readonly counts = new Map<number, number>();
  private readonly sinks = new Map<number, Writable>();

  /** Resolves when the connection is open. Listens from before: the first messages may come with the answer to the upgrade. */
  static async open(socket: WebSocket): Promise<Channels> {
    const channels = new Channels(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', () => resolve());
      socket.once('error', reject);
    });
    return channels;
  }

  private constructor(private readonly socket: WebSocket) {
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined); // `close` follows
    socket.on('message', (message) => this.receive(message));
  }

  /** Everything that came on a channel so far, unless it goes to a stream of its own. */
  bytes(channel: number): Buffer {
    return Buffer.concat(this.kept.get(channel) ?? []);
  }

  /** How many bytes have come on a channel. */
  count(channel: number): number {
    return this.counts.get(channel) ?? 0;
  }

  /** What comes on a channel, and has come, is written there; the connection is not read while that is full. */
  pipe(channel: number, sink: Writable): void {
    for (const payload of this.kept.get(channel) ?? []) sink.write(payload);
    this.kept.delete(channel);
    this.sinks.set(channel, sink);
    sink.on('drain', () => this.socket.resume());
  }

  /** Resolves when the bytes have left this process. */
  send(channel: number, chunk: Buffer | string): Promise<void> {
    const message = Buffer.concat([Buffer.from([channel]), Buffer.from(chunk)]);
    return new Promise((resolve, reject) => {
      this.socket.send(message, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Tells that nothing more comes on a channel; only v5 has words for it. */
  end(channel: number): Promise<void> {
    return this.send(CLOSE, Buffer.from([channel]));
  }

  /** Leaves at once. */
  leave(): void {
    this.socket.terminate();
  }

  private receive(message: RawData): void {
    const bytes = message as Buffer;
    const channel = bytes[0] ?? 0;
    const payload = bytes.subarray(1);
    const sink = this.sinks.get(channel);
    this.counts.set(channel, this.count(channel) + payload.length);
    if (sink === undefined) {
      const kept = this.kept.get(channel) ?? [];
      kept.push(payload);
      this.kept.set(channel, kept);
    } else if (payload.length > 0 && !sink.write(payload)) this.socket.pause();
  }
}
