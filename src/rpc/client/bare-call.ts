import type { ClientHttp2Session } from 'node:http2';
import { connect as dial } from 'node:net';
import { fromOutside } from '../../base/wait/outside';
import { framed, MessageReader } from '../messages';

/** What a daemon's answers about itself never come near. */
const ANSWER_LIMIT_BYTES = 16 * 1024 * 1024;
const TIMEOUT_MS = 5000;

/** A gRPC connection for a program that makes a call or two in its life, and loads HTTP/2 only when it does. */
export class BareConnection {
  /** Resolves when the connection is gone, whoever closed it. */
  readonly closed: Promise<void>;

  private constructor(private readonly session: ClientHttp2Session) {
    this.closed = new Promise((resolve) => session.once('close', () => resolve()));
  }

  /** Connects to a unix socket; rejects when nobody listens there. */
  static async open(path: string): Promise<BareConnection> {
    const { connect } = await import('node:http2'); // a few megabytes that most such programs never need
    return fromOutside<BareConnection>({ what: `connecting to ${path}`, limitMs: TIMEOUT_MS }, ({ answer, fail }) => {
      const session = connect('http://localhost', { createConnection: () => dial(path) });
      const connection = new BareConnection(session);
      session.once('connect', () => answer(connection));
      session.on('error', fail); // its close is what counts once it is connected
      return () => session.destroy();
    });
  }

  /** One unary call: message in, message out. Rejects when it fails or takes long. */
  call(path: string, message: Uint8Array): Promise<Buffer> {
    const wait = { what: `${path}: its answer`, limitMs: TIMEOUT_MS };
    return fromOutside<Buffer>(wait, ({ answer: take, fail }) => {
      const stream = this.session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      const answer = new MessageReader(ANSWER_LIMIT_BYTES);
      let status = '';
      // An answer without a message has its status among the headers.
      for (const event of ['response', 'trailers'] as const) {
        stream.on(event, (headers) => {
          if (headers['grpc-status'] !== undefined) status = String(headers['grpc-status']);
        });
      }
      stream.on('data', (piece: Buffer) => answer.push(piece));
      stream.on('error', fail);
      stream.on('close', () => {
        if (status !== '0') return fail(new Error(`${path}: ended with gRPC status ${status || 'none'}`));
        try {
          const message = answer.next();
          if (message === undefined) throw new Error(`${path}: its answer is not whole`);
          take(message);
        } catch (error) {
          fail(error);
        }
      });
      framed([Buffer.from(message.buffer, message.byteOffset, message.length)], stream);
      stream.end();
      return () => stream.destroy();
    });
  }

  close(): void {
    this.session.destroy();
  }
}
