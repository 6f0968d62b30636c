import type { Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { errorMessage } from '../../base/errors';
import { Frame, type FrameType, frame, messageFrame } from '../../stdio/frames';
import type { AttachEvent, AttachRequest } from '../../stdio/messages';
import { StdioError } from '../../stdio/stdio-error';
import type { AttachEnd, StdioService } from '../../stdio/stdio-service';

/**
 * One attached client at the end of a socket. What the client does not read waits in the socket and then in memory, where
 * the service counts it and drops a client that is too slow.
 */
export class AttachServer {
  private readonly stdin: Readable | undefined;
  private detach: (() => void) | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly request: AttachRequest,
  ) {
    this.stdin = request.stdin ? new Readable({ read: () => void socket.resume() }) : undefined;
    this.stdin?.on('error', () => undefined);
    socket.on('close', () => {
      this.stdin?.destroy();
      this.detach?.();
    });
  }

  /** A frame that the client sent after its request. */
  onFrame(type: number, content: Buffer): void {
    if (type === Frame.STDIN && this.stdin?.push(Buffer.from(content)) === false) this.socket.pause();
    if (type === Frame.STDIN_END) this.stdin?.push(null);
  }

  /** Serves the client until the container's outputs end or it leaves; answers how it ended. */
  async serve(stdio: StdioService): Promise<AttachEnd> {
    const { id, stdout, stderr, closeStdinAtEnd } = this.request;
    try {
      const attachment = await stdio.attach(id, {
        stdin: this.stdin,
        stdout: stdout ? this.output(Frame.STDOUT) : undefined,
        stderr: stderr ? this.output(Frame.STDERR) : undefined,
        closeStdinAtEnd,
        onStdinEnd: () => this.tell({ stdinEnded: true }),
      });
      this.detach = attachment.detach;
      if (this.socket.destroyed) attachment.detach();
      else this.tell({ attached: true });
      const end = await attachment.done;
      // Whoever is too slow would not read the news either.
      if (end === 'slow') this.socket.destroy();
      else this.bye({ end });
      return end;
    } catch (error) {
      const code = error instanceof StdioError ? error.code : 'FAILED';
      this.bye({ failure: { code, message: errorMessage(error) } });
      return 'gone';
    }
  }

  private output(type: FrameType): Writable {
    const { socket } = this;
    const output = new Writable({
      write: (chunk: Buffer, _encoding, done) => void socket.write(frame(type, chunk), (error) => done(error)),
      destroy: (error, done) => {
        if (error) socket.destroy();
        done(null);
      },
    });
    socket.on('close', () => output.destroy());
    return output;
  }

  private tell(event: AttachEvent): void {
    if (!this.socket.destroyed) this.socket.write(messageFrame(event));
  }

  private bye(event: AttachEvent): void {
    if (!this.socket.destroyed) this.socket.end(messageFrame(event));
  }
}
