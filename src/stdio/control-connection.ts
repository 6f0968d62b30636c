import { connect, type Socket } from 'node:net';
import { endedOrLate } from './ended-or-late';
import { Frame, messageFrame, parseMessage, readFrames } from './frames';
import type { Answer, Request, Told, Welcome } from './messages';
import { StdioError } from './stdio-error';

const CLOSE_TIMEOUT_MS = 1000;
/** How often the process on the other side is looked at. */
const DYING_LOOK_MS = 500;

/** How a connection begins. */
export interface Greeting {
  /** Address of the daemon whose containers these are. */
  readonly containerd: string;
  /** How long the other side may take to greet. */
  readonly timeoutMs: number;
  /** Gives up when it fires. */
  readonly signal?: AbortSignal;
}

export interface ControlEvents {
  onAnswer(answer: Answer): void;
  onTold(told: Told): void;
}

/** A connection that controls the process that has the stdio. */
export class ControlConnection {
  /** Resolves when the connection is gone, whoever closed it. */
  readonly closed: Promise<void>;

  private constructor(
    private readonly socket: Socket,
    readonly welcome: Welcome,
  ) {
    this.closed = new Promise((resolve) => {
      if (socket.destroyed) resolve();
      else socket.on('close', () => resolve());
    });
  }

  /** Rejects with the system's error when nobody listens there, with a StdioError when whoever does so does not greet. */
  static async open(path: string, greeting: Greeting, events: ControlEvents): Promise<ControlConnection> {
    const { containerd, timeoutMs, signal } = greeting;
    const socket = await dial(path);
    const giveUp = (): void => void socket.destroy();
    if (signal?.aborted) giveUp();
    signal?.addEventListener('abort', giveUp, { once: true });
    socket.write(messageFrame({ hello: 'control', containerd }));
    const welcome = await new Promise<Welcome>((resolve, reject) => {
      const timer = setTimeout(giveUp, timeoutMs);
      const over = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
      };
      const onClose = (): void => {
        over();
        reject(new StdioError('UNAVAILABLE', `the process that listens on ${path} does not greet`));
      };
      socket.on('close', onClose);
      if (socket.closed) onClose();
      readFrames(socket, (type, content) => {
        if (type !== Frame.MESSAGE) return;
        const message = parseMessage(content) as Welcome | Answer | Told;
        if ('welcome' in message) {
          over();
          resolve(message);
        } else if ('seq' in message) events.onAnswer(message);
        else events.onTold(message);
      });
    });
    return new ControlConnection(socket, welcome);
  }

  /**
   * Resolves when the connection is gone. It is closed when the process on the other side is dying: nothing of that runs
   * any more, but while a disk holds up a thread of it in the kernel, its sockets stay open.
   */
  async untilGone(isDying: (pid: number) => boolean): Promise<void> {
    while (!(await endedOrLate(this.closed, DYING_LOOK_MS))) if (isDying(this.welcome.pid)) this.destroy();
  }

  send(seq: number, request: Request): void {
    this.socket.write(messageFrame({ ...request, seq }));
  }

  /** Sends what is still to be sent, then closes; at once when the other side does not follow. */
  async close(): Promise<void> {
    this.socket.end();
    // Until then the socket keeps us running: there is more to put down behind it.
    const late = setTimeout(() => this.socket.destroy(), CLOSE_TIMEOUT_MS);
    await this.closed;
    clearTimeout(late);
  }

  /** Closes at once. */
  destroy(): void {
    this.socket.destroy();
  }
}

/** A connection to a unix socket. Rejects with the system's error when nobody listens. */
export function dial(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => undefined); // its close is what counts
      resolve(socket);
    });
  });
}
