import type { Duplex } from 'node:stream';
import type { PoolMember } from '../../base/byte-pool';
import { errorMessage } from '../../base/errors';
import type { Logger } from '../../base/logger';
import type { SharedLimits } from '../limits';
import { Answers } from './answers';
import {
  controlFrame,
  dataFrames,
  dataHeader,
  emptyHeaderBlock,
  FLAG_FIN,
  FrameType,
  ID_MASK,
  ResetStatus,
  uint32,
} from './frame';
import { FrameReader } from './frame-reader';
import { HeaderInflater, type Headers } from './header-block';
import { SPDY_LIMITS, SpdyError, type SpdyLimits } from './limits';
import { OpenStreams } from './open-streams';
import { SpdyStream } from './stream';

/** How often a client that we do not read is asked for a sign of life: its leaving would go unseen. */
const PING_EVERY_MS = 5_000;
/** What a client gets to close its side after we have closed ours. */
const LINGER_MS = 10_000;
/** HTTP's own streams have even numbers when the server opens them, and so have its pings. */
const PING_ID = uint32(2);

export interface SessionOptions {
  readonly log: Logger;
  /** Whose streams they are: a pod. */
  readonly owner: string;
  readonly shared: Pick<SharedLimits, 'streams' | 'unread'>;
  readonly limits?: SpdyLimits;
  /** How often a client that is not read is pinged, in milliseconds (5000): the second ping meets that it has left. */
  readonly pingEveryMs?: number;
  /** The client has opened a stream. */
  onStream(stream: SpdyStream): void;
  /** Called once. Every stream has been told before. */
  onClose(): void;
}

type Done = (error?: Error | null) => void;

/**
 * The server's end of a SPDY/3.1 connection, as Kubernetes speaks it: only the client opens streams, and there are no
 * windows (Go's end neither sends nor honours them), so a reader that does not keep up stops its whole connection.
 *
 *     open --close()--> closing (GOAWAY sent; reads on, for the client's sake) --client's end, or 10 s--> over
 *       \--client's end, error, destroy()-------------------------------------------------------------^
 */
export class SpdySession {
  private readonly streams: OpenStreams;
  private readonly unreadData: PoolMember;
  private readonly reader: FrameReader;
  private readonly inflater: HeaderInflater;
  private readonly answers: Answers;
  private readonly limits: SpdyLimits;
  private lastStreamId = 0;
  private fullStreams = 0;
  private inflating = false;
  private replied = false;
  private closing = false;
  private over = false;
  private waiting: Done[] = [];
  private pinging: NodeJS.Timeout | undefined;
  private lingering: NodeJS.Timeout | undefined;

  constructor(
    private readonly socket: Duplex,
    private readonly options: SessionOptions,
  ) {
    this.limits = options.limits ?? SPDY_LIMITS;
    this.inflater = new HeaderInflater(this.limits);
    this.answers = new Answers(socket, this.limits.answerBytes);
    this.streams = new OpenStreams(this.limits.streams, options.shared.streams, options.owner);
    this.unreadData = options.shared.unread.join(() => this.setFlow(), options.owner);
    const onData = (id: number, part: Buffer): void => this.streams.get(id)?.receive(part);
    const onFin = (id: number): void => this.streams.get(id)?.receiveFin();
    const onControl = this.control.bind(this);
    this.reader = new FrameReader({ onData, onFin, onControl }, this.limits.controlBytes);
  }

  /** How many streams are open. */
  get streamCount(): number {
    return this.streams.size;
  }

  /** Begins to read; `head` is what was read of the connection before. */
  start(head: Buffer = Buffer.alloc(0)): void {
    const { socket } = this;
    socket.on('data', (chunk: Buffer) => this.read(() => this.reader.read(chunk)));
    socket.on('drain', () => this.settle(undefined));
    socket.on('finish', () => {
      this.settle(undefined); // there is no `drain` once the end was announced
      this.lingering ??= setTimeout(() => this.finish(), LINGER_MS).unref();
    });
    socket.on('error', (error) => this.fail(error));
    socket.on('end', () => this.finish());
    socket.on('close', () => this.finish());
    if (head.length > 0) this.read(() => this.reader.read(head));
    if (socket.destroyed) this.finish();
    else this.setFlow();
  }

  /** Ends every stream, and says goodbye once all that was written is out; after `withinMs` without having done so. */
  close(withinMs?: number): void {
    if (this.over || this.closing) return;
    this.closing = true;
    if (withinMs !== undefined) this.lingering ??= setTimeout(() => this.finish(), withinMs).unref();
    const ended = this.streams.all().map(({ io }) => {
      // Data that nobody read when the socket closes would make it a reset, and the client would lose what we sent last.
      io.resume();
      if (!io.writableEnded) io.end();
      return io.writableFinished || io.destroyed
        ? undefined
        : new Promise<void>((resolve) => io.once('finish', resolve).once('close', resolve));
    });
    const goodbye = (): void => {
      if (this.over) return;
      this.answers.flush();
      this.socket.end(controlFrame(FrameType.GOAWAY, uint32(this.lastStreamId), uint32(0)));
    };
    void Promise.all(ended).then(goodbye);
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.finish();
  }

  private read(act: () => void): void {
    if (this.over) return;
    try {
      act();
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    // After our goodbye, a client that slams the door is no news.
    if (!this.over && !this.closing) {
      this.options.log.debug('a SPDY connection has failed', { error: errorMessage(error) });
    }
    this.finish();
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    clearInterval(this.pinging);
    clearTimeout(this.lingering);
    this.settle(new Error('the connection is closed'));
    for (const stream of this.streams.all()) stream.lose();
    this.streams.clear();
    this.unreadData.leave();
    this.inflater.close();
    this.socket.destroy();
    this.options.onClose();
  }

  private settle(error: Error | undefined): void {
    const { waiting } = this;
    this.waiting = [];
    for (const done of waiting) done(error);
  }

  private control(type: number, flags: number, payload: Buffer): void {
    switch (type) {
      case FrameType.SYN_STREAM:
        this.withHeaders(payload, 10, (id, headers) => this.open(id, headers, (flags & FLAG_FIN) !== 0));
        break;
      // Nothing in these is for us, but the blocks of a direction are one zlib stream.
      case FrameType.SYN_REPLY:
      case FrameType.HEADERS:
        this.withHeaders(payload, 4, () => undefined);
        break;
      case FrameType.RST_STREAM:
        this.streams.get(idOf(payload))?.receiveReset();
        break;
      case FrameType.PING:
        this.answerPing(payload);
        break;
      default: // SETTINGS, GOAWAY, WINDOW_UPDATE and what there may be: nothing to do
        break;
    }
  }

  private withHeaders(payload: Buffer, at: number, then: (id: number, headers: Headers) => void): void {
    if (payload.length < at) throw new SpdyError('a frame is too short');
    const id = idOf(payload);
    this.inflating = true;
    this.reader.hold();
    this.setFlow();
    const go = (headers: Headers): void =>
      this.read(() => {
        this.inflating = false;
        then(id, headers);
        this.reader.release();
        this.setFlow();
      });
    this.inflater.read(payload.subarray(at)).then(go, (error: unknown) => this.fail(error));
  }

  private open(id: number, headers: Headers, fin: boolean): void {
    if (id <= this.lastStreamId || id % 2 === 0) throw new SpdyError(`stream id ${id} is out of order`);
    this.lastStreamId = id;
    const make = (): SpdyStream => new SpdyStream(id, headers, this.link(), this.limits.streamBytes);
    const stream = this.closing ? undefined : this.streams.add(id, make);
    if (!stream) {
      this.answer(controlFrame(FrameType.RST_STREAM, uint32(id), uint32(ResetStatus.REFUSED_STREAM)));
      return;
    }
    // Go's end ignores data that comes before the reply.
    this.answer(controlFrame(FrameType.SYN_REPLY, uint32(id), emptyHeaderBlock(!this.replied)));
    this.replied = true;
    if (fin) stream.receiveFin();
    this.options.onStream(stream);
  }

  private link() {
    return {
      send: (id: number, chunk: Buffer, done: Done) => this.write(dataFrames(id, chunk), done),
      sendFin: (id: number, done: Done) => this.write([dataHeader(id, 0, FLAG_FIN)], done),
      sendReset: (id: number) => this.reset(id),
      setFull: (full: boolean) => {
        this.fullStreams += full ? 1 : -1;
        this.setFlow();
      },
      keep: (by: number) => {
        this.unreadData.set(this.unreadData.bytes + by);
        this.setFlow();
      },
      forget: (id: number) => this.streams.forget(id),
    };
  }

  private write(parts: Buffer[], done: Done): void {
    const { socket } = this;
    if (this.over || socket.destroyed || socket.writableEnded) {
      done(new Error('the connection is closed'));
      return;
    }
    socket.cork();
    this.answers.flush();
    const room = parts.map((part) => socket.write(part)).at(-1);
    socket.uncork();
    if (room) done();
    else this.waiting.push(done);
  }

  private reset(id: number): void {
    if (this.over || this.socket.writableEnded) return;
    this.answer(controlFrame(FrameType.RST_STREAM, uint32(id), uint32(ResetStatus.CANCEL)));
  }

  /** Even pings are answers to ours. */
  private answerPing(payload: Buffer): void {
    if (payload.length < 4) throw new SpdyError('a frame is too short');
    if (payload.readUInt32BE(0) % 2 === 1) this.answer(controlFrame(FrameType.PING, payload.subarray(0, 4)));
  }

  private answer(frame: Buffer): void {
    const { socket } = this;
    if (this.over || socket.destroyed || socket.writableEnded) return;
    // Not what the socket holds in all: a hundred streams have their data there.
    if (!this.answers.send(frame)) this.fail(new SpdyError('the client does not read our answers'));
  }

  private setFlow(): void {
    if (this.over) return;
    const full = this.fullStreams > 0 || !this.unreadData.mayTakeMore();
    if (full || this.inflating) this.socket.pause();
    else this.socket.resume();
    if (full === (this.pinging !== undefined)) return;
    clearInterval(this.pinging);
    this.pinging = full ? this.startPinging() : undefined;
  }

  private startPinging(): NodeJS.Timeout {
    return setInterval(() => this.ping(), this.options.pingEveryMs ?? PING_EVERY_MS).unref();
  }

  private ping(): void {
    const { socket } = this;
    if (socket.writableEnded || socket.writableNeedDrain) return;
    socket.write(controlFrame(FrameType.PING, PING_ID));
  }
}

function idOf(payload: Buffer): number {
  if (payload.length < 4) throw new SpdyError('a frame is too short');
  return payload.readUInt32BE(0) & ID_MASK;
}
