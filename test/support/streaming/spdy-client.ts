import type { Duplex } from 'node:stream';
import { constants, createDeflate, createInflate } from 'node:zlib';
import { headerDictionary } from '../../../src/streaming/spdy/dictionary';
import { until } from './until';

export const SYN_STREAM = 1;
export const SYN_REPLY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const HEADERS = 8;
export const WINDOW_UPDATE = 9;
export const FIN = 1;

/** A number in four bytes. */
export function word(value: number): Buffer {
  return Buffer.from([value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
}

/** A control frame, right or wrong. */
export function control(type: number, payload: Buffer, flags = 0): Buffer {
  return Buffer.concat([Buffer.from([0x80, 3, type >> 8, type & 255]), lengthOf(payload, flags), payload]);
}

/** A data frame, right or wrong. */
export function data(streamId: number, payload: Buffer, flags = 0): Buffer {
  return Buffer.concat([word(streamId), lengthOf(payload, flags), payload]);
}

function lengthOf({ length }: Buffer, flags: number): Buffer {
  return Buffer.from([flags, length >> 16, (length >> 8) & 255, length & 255]);
}

/** Names and values before compression, as SPDY/3 counts them. */
export function plainHeaders(headers: readonly (readonly [string, string])[]): Buffer {
  const texts = headers.flat().flatMap((text) => [word(Buffer.byteLength(text)), Buffer.from(text)]);
  return Buffer.concat([word(headers.length), ...texts]);
}

export interface ControlFrame {
  readonly type: number;
  readonly flags: number;
  readonly payload: Buffer;
}

/** What this end knows of one stream. */
export class ClientStream {
  readonly chunks: Buffer[] = [];
  bytes = 0;
  /** What comes is counted and thrown away. */
  discarding = false;
  replied = false;
  /** The server sends nothing more. */
  ended = false;
  /** The server has given it up: its reason. */
  reset: number | undefined;

  constructor(
    readonly id: number,
    private readonly client: SpdyClient,
  ) {}

  text(): string {
    return Buffer.concat(this.chunks).toString('utf8');
  }

  write(payload: Buffer | string): void {
    this.client.send(data(this.id, Buffer.from(payload)));
  }

  end(payload: Buffer | string = ''): void {
    this.client.send(data(this.id, Buffer.from(payload), FIN));
  }

  giveUp(reason = 5): void {
    this.client.send(control(RST_STREAM, Buffer.concat([word(this.id), word(reason)])));
  }

  /** Resolves with everything the server sent once it has ended or reset the stream. */
  async all(): Promise<string> {
    await until(`the end of stream ${this.id}`, () => this.ended || this.reset !== undefined || this.client.closed);
    return this.text();
  }
}

/**
 * A SPDY/3.1 client for tests, written from the protocol and not from the server: it opens streams, keeps whatever comes,
 * and can send anything.
 */
export class SpdyClient {
  readonly streams = new Map<number, ClientStream>();
  /** Control frames that came, but replies and resets. */
  readonly frames: ControlFrame[] = [];
  /** Headers of the server's replies, as far as they have been inflated. */
  readonly replies: Buffer[] = [];
  closed = false;
  /** Data on a stream that `open` did not open is an error; false for a client that opens streams by hand. */
  strict = true;
  /** The server has ended its side. */
  ended = false;
  private nextId = 1;
  /** What has come of the next frame, and how much of it is needed to go on. */
  private parts: Buffer[] = [];
  private buffered = 0;
  private needed = 8;
  private readonly deflate = createDeflate({ dictionary: headerDictionary(), flush: constants.Z_SYNC_FLUSH });
  private readonly inflate = createInflate({ dictionary: headerDictionary() });
  private compressed: Buffer[] = [];
  private compressing: Promise<unknown> = Promise.resolve();

  constructor(
    readonly socket: Duplex,
    head: Buffer = Buffer.alloc(0),
  ) {
    this.deflate.on('data', (part: Buffer) => this.compressed.push(part));
    this.inflate.on('data', (part: Buffer) => this.replies.push(part));
    this.inflate.on('error', (error) => this.replies.push(Buffer.from(`broken: ${error.message}`)));
    socket.on('data', (chunk: Buffer) => this.read(chunk));
    socket.on('error', () => undefined);
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('close', () => {
      this.closed = true;
      this.deflate.close();
      this.inflate.close();
    });
    if (head.length > 0) this.read(head);
  }

  send(bytes: Buffer): void {
    if (!this.socket.destroyed && !this.socket.writableEnded) this.socket.write(bytes);
  }

  /** Headers as they go over the wire: each block goes on where the last one stopped. */
  block(plain: Buffer): Promise<Buffer> {
    const turn = this.compressing.then(
      () =>
        new Promise<Buffer>((resolve) => {
          this.compressed = [];
          this.deflate.write(plain, () => resolve(Buffer.concat(this.compressed)));
        }),
    );
    this.compressing = turn;
    return turn;
  }

  /** Opens the next stream; does not wait for the reply. */
  async open(headers: Record<string, string>, flags = 0): Promise<ClientStream> {
    const id = this.nextId;
    this.nextId += 2;
    const stream = new ClientStream(id, this);
    this.streams.set(id, stream);
    const block = await this.block(plainHeaders(Object.entries(headers)));
    this.send(control(SYN_STREAM, Buffer.concat([word(id), word(0), Buffer.from([0, 0]), block]), flags));
    return stream;
  }

  /** Opens the streams of a process, in the order in which Go's clients do. */
  async openAll<T extends string>(...types: readonly T[]): Promise<Record<T, ClientStream>> {
    const streams: [T, ClientStream][] = [];
    for (const type of types) streams.push([type, await this.open({ streamtype: type })]);
    return Object.fromEntries(streams) as Record<T, ClientStream>;
  }

  /** Opens the two streams of a forwarded connection, error first, as Go's clients do. */
  async openPair(port: number, requestId: string): Promise<{ error: ClientStream; data: ClientStream }> {
    const named = { port: String(port), requestid: requestId };
    const error = await this.open({ streamtype: 'error', ...named });
    error.end();
    return { error, data: await this.open({ streamtype: 'data', ...named }) };
  }

  /** Resolves when the server has answered a ping: it has read everything before it by then. */
  async ping(id = 1): Promise<void> {
    const before = this.pongs(id);
    this.send(control(PING, word(id)));
    await until(`the answer to ping ${id}`, () => this.pongs(id) > before || this.closed);
    if (this.pongs(id) === before) throw new Error('the connection is closed');
  }

  destroy(): void {
    this.socket.destroy();
  }

  private pongs(id: number): number {
    return this.frames.filter(({ type, payload }) => type === PING && payload.equals(word(id))).length;
  }

  private read(chunk: Buffer): void {
    this.parts.push(chunk);
    this.buffered += chunk.length;
    while (this.buffered >= this.needed) {
      const all = this.parts.length === 1 ? (this.parts[0] ?? chunk) : Buffer.concat(this.parts);
      const frameBytes = 8 + all.readUIntBE(5, 3);
      if (all.length < frameBytes) {
        this.parts = [all];
        this.needed = frameBytes;
        return;
      }
      this.needed = 8;
      this.buffered -= frameBytes;
      this.parts = this.buffered > 0 ? [all.subarray(frameBytes)] : [];
      this.take(all.subarray(0, frameBytes));
    }
  }

  private take(frame: Buffer): void {
    const flags = frame[4] ?? 0;
    const payload = frame.subarray(8);
    if ((frame[0] ?? 0) < 0x80) this.takeData(frame.readUInt32BE(0), flags, payload);
    else this.takeControl({ type: frame.readUInt16BE(2), flags, payload });
  }

  private takeData(id: number, flags: number, payload: Buffer): void {
    const stream = this.streams.get(id);
    if (!stream) {
      if (this.strict) throw new Error(`data on stream ${id}, which nobody opened`);
      return;
    }
    stream.bytes += payload.length;
    if (!stream.discarding && payload.length > 0) stream.chunks.push(Buffer.from(payload));
    if (flags & FIN) stream.ended = true;
  }

  private takeControl(frame: ControlFrame): void {
    const { type, payload } = frame;
    const stream = type === SYN_REPLY || type === RST_STREAM ? this.streams.get(payload.readUInt32BE(0)) : undefined;
    if (type === SYN_REPLY && stream) {
      stream.replied = true;
      this.inflate.write(payload.subarray(4));
    } else if (type === RST_STREAM && stream) {
      stream.reset = payload.readUInt32BE(4);
    } else {
      this.frames.push(frame);
    }
  }
}
