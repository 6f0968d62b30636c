import { type ClientOptions, WebSocket } from 'ws';
import { until } from './until';

/** A WebSocket and what came over it, by channel. */
export class TestWebSocket {
  /** Whole messages, in order. */
  readonly messages: Buffer[] = [];
  /** How the server closed it. */
  code: number | undefined;
  /** What the server answered to the offered protocols. */
  protocol: string | undefined;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (message) => this.messages.push(message as Buffer));
    socket.on('error', () => undefined);
    socket.on('close', (code) => {
      this.code = code;
    });
  }

  /**
   * Resolves when the server has granted the upgrade; rejects with its status otherwise. A protocol may have characters
   * that `ws` would refuse to ask for (the tunnel's name has a slash).
   */
  static connect(url: string, protocols?: string, options: ClientOptions = {}): Promise<TestWebSocket> {
    const headers: Record<string, string> = protocols === undefined ? {} : { 'sec-websocket-protocol': protocols };
    const socket = new WebSocket(url.replace(/^http/, 'ws'), { ...options, headers, rejectUnauthorized: false });
    const test = new TestWebSocket(socket);
    socket.on('upgrade', (response) => {
      test.protocol = response.headers['sec-websocket-protocol'];
      delete response.headers['sec-websocket-protocol'];
    });
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(test));
      socket.once('unexpected-response', (request, response) => {
        reject(new Error(String(response.statusCode)));
        request.destroy();
      });
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed')));
    });
  }

  get closed(): boolean {
    return this.code !== undefined;
  }

  /** Everything that came on a channel of a binary protocol. */
  bytes(channel: number): Buffer {
    return Buffer.concat(this.messages.filter(([first]) => first === channel).map((message) => message.subarray(1)));
  }

  text(channel: number): string {
    return this.bytes(channel).toString('utf8');
  }

  /** The same for a base64 protocol. */
  base64Text(channel: number): string {
    return this.messages
      .map((message) => message.toString('latin1'))
      .filter((text) => text.startsWith(String(channel)))
      .map((text) => Buffer.from(text.slice(1), 'base64').toString('utf8'))
      .join('');
  }

  send(channel: number, payload: Buffer | string = ''): void {
    this.socket.send(Buffer.concat([Buffer.from([channel]), Buffer.from(payload)]));
  }

  async end(): Promise<number> {
    await until('the server closes the WebSocket', () => this.closed);
    return this.code ?? 0;
  }

  destroy(): void {
    this.socket.terminate();
  }
}
