import { connect, type Socket } from 'node:net';
import { StdioError } from '../stdio-error';
import { Frame, messageFrame, parseMessage, readFrames } from './frames';
import type { Answer, Request, Told, Welcome } from './messages';

const WELCOME_TIMEOUT_MS = 5000;
const CLOSE_TIMEOUT_MS = 1000;

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

  /** Rejects when nobody listens there, or nobody who greets. */
  static async open(path: string, containerd: string, events: ControlEvents): Promise<ControlConnection> {
    const socket = await dial(path);
    socket.write(messageFrame({ hello: 'control', containerd }));
    const welcome = await new Promise<Welcome>((resolve, reject) => {
      const timer = setTimeout(() => socket.destroy(), WELCOME_TIMEOUT_MS);
      socket.on('close', () => {
        clearTimeout(timer);
        reject(new StdioError('UNAVAILABLE', `whoever listens on ${path} does not greet`));
      });
      readFrames(socket, (type, content) => {
        if (type !== Frame.MESSAGE) return;
        const message = parseMessage(content) as Welcome | Answer | Told;
        if ('welcome' in message) {
          clearTimeout(timer);
          resolve(message);
        } else if ('seq' in message) events.onAnswer(message);
        else events.onTold(message);
      });
    });
    return new ControlConnection(socket, welcome);
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
