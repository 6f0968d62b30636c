import type { Socket } from 'node:net';
import { Frame, frame, messageFrame, parseMessage, readFrames } from './frames';
import type { AttachEvent, AttachRequest } from './messages';
import { OutputClient } from './output-client';
import { StdioError } from './stdio-error';
import type { AttachEnd, Attachment, AttachOptions } from './stdio-service';

/** Above this, the socket is not read until the client has taken some: the other side then counts it as slow. */
const BACKLOG_BYTES = 64 * 1024;

/** One attach over a connection of its own: carries the client's streams and tells how it ended. */
export class AttachClient implements Attachment {
  readonly done: Promise<AttachEnd>;
  private readonly outputs = new Map<number, OutputClient>();
  private resolveDone: (end: AttachEnd) => void = () => undefined;
  private attached: { resolve(): void; reject(error: StdioError): void } | undefined;
  private ended: AttachEnd | undefined;
  private over = false;

  constructor(
    private readonly socket: Socket,
    private readonly options: AttachOptions,
  ) {
    this.done = new Promise((resolve) => {
      this.resolveDone = resolve;
    });
    if (options.stdout) this.addOutput(Frame.STDOUT, options.stdout);
    if (options.stderr) this.addOutput(Frame.STDERR, options.stderr);
    readFrames(socket, (type, content) => this.onFrame(type, content));
    socket.on('close', () => this.onClose());
  }

  /** Sends the request; resolves when the client is attached, rejects with the StdioError that it met. */
  async begin(id: string, ticket: string): Promise<void> {
    const { stdin, stdout, stderr, closeStdinAtEnd = false } = this.options;
    const attach: AttachRequest = {
      ...{ id, closeStdinAtEnd },
      stdin: stdin !== undefined,
      stdout: stdout !== undefined,
      stderr: stderr !== undefined,
    };
    this.socket.write(messageFrame({ hello: 'attach', ticket, attach }));
    await new Promise<void>((resolve, reject) => {
      this.attached = { resolve, reject };
    });
    this.carryStdin();
  }

  /** The other side does not answer: `begin` rejects. */
  giveUp(why: StdioError): void {
    this.attached?.reject(why);
  }

  detach = (): void => this.finish('detached');

  /** The process on the other side has been killed; its socket may stay open. */
  lost(): void {
    this.socket.destroy();
  }

  /** The other side has dropped us: we took too little. */
  dropped(): void {
    for (const output of this.outputs.values()) output.destroy('the client is too slow');
    this.finish('slow');
  }

  private addOutput(type: number, to: NonNullable<AttachOptions['stdout']>): void {
    const over = (why: AttachEnd): void => {
      this.outputs.delete(type);
      if (this.outputs.size === 0) this.finish(this.ended ?? why);
    };
    const output = new OutputClient(
      to,
      { bytes: Number.POSITIVE_INFINITY },
      {
        onGone: () => over('gone'),
        onSlow: () => undefined,
        onFlushed: () => over('ended'),
        onTaken: () => this.resumeIfTaken(),
      },
    );
    this.outputs.set(type, output);
  }

  private onFrame(type: number, content: Buffer): void {
    if (type === Frame.MESSAGE) {
      this.onEvent(parseMessage(content) as AttachEvent);
      return;
    }
    const output = this.outputs.get(type);
    output?.write(Buffer.from(content));
    if (output && output.waiting > BACKLOG_BYTES) this.socket.pause();
  }

  private resumeIfTaken(): void {
    if ([...this.outputs.values()].every(({ waiting }) => waiting < BACKLOG_BYTES / 2)) this.socket.resume();
  }

  private onEvent(event: AttachEvent): void {
    if ('attached' in event) this.attached?.resolve();
    else if ('failure' in event) this.attached?.reject(new StdioError(event.failure.code, event.failure.message));
    else if ('stdinEnded' in event) this.options.onStdinEnd?.();
    else this.endWith(event.end);
  }

  /** The outputs get what has come before they are let go. */
  private endWith(end: AttachEnd): void {
    this.ended = end;
    if (this.outputs.size === 0) this.finish(end);
    for (const output of this.outputs.values()) output.end();
  }

  private onClose(): void {
    this.attached?.reject(new StdioError('UNAVAILABLE', 'the process that has the stdio broke off'));
    if (this.ended === undefined) this.finish('gone');
  }

  /** One chunk at a time: while the container does not read, neither do we. */
  private carryStdin(): void {
    const { stdin } = this.options;
    if (!stdin || this.over) return;
    const { socket } = this;
    const onData = (chunk: Buffer): void => {
      if (socket.write(frame(Frame.STDIN, chunk))) return;
      stdin.pause();
      socket.once('drain', () => stdin.resume());
    };
    const onEnd = (): void => void (socket.writable && socket.write(frame(Frame.STDIN_END, Buffer.alloc(0))));
    const onGone = (): void => {
      if (!stdin.readableEnded && this.outputs.size === 0) this.finish('gone');
    };
    stdin.on('error', onGone);
    stdin.on('close', onGone);
    stdin.on('end', onEnd);
    stdin.on('data', onData);
    if (stdin.readableEnded) onEnd();
    this.stopStdin = () => {
      stdin.off('data', onData);
      stdin.off('end', onEnd);
      stdin.off('close', onGone); // the `error` listener stays: a late error must have one
    };
  }

  private stopStdin: () => void = () => undefined;

  private finish(end: AttachEnd): void {
    if (this.over) return;
    this.over = true;
    this.stopStdin();
    for (const output of this.outputs.values()) output.release();
    this.outputs.clear();
    this.socket.destroy();
    this.attached?.resolve();
    this.resolveDone(end);
    this.options.onClose?.(end);
  }
}
