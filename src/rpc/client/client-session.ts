import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type Http2Session,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as dial } from 'node:net';

/** In MB. Node's own limit of 10 would refuse streams while large messages wait to be sent. */
const SESSION_MEMORY = 1024;

/** Many calls over one HTTP/2 connection to a unix socket, which is made for a call and again when it has gone. */
export class ClientSession {
  private session?: ClientHttp2Session;
  private streams = 0;
  private closed = false;

  constructor(private readonly path: string) {}

  /** Begins a stream; it ends by itself with an error when nobody listens. Throws once this is closed. */
  request(headers: OutgoingHttpHeaders): ClientHttp2Stream {
    if (this.closed) throw new Error('the connection is closed');
    const session = usable(this.session) ? this.session : this.dial();
    const stream = session.request(headers);
    // What nobody waits for does not keep the process; a call under way does.
    if (this.streams++ === 0) session.ref();
    stream.once('close', () => {
      if (--this.streams === 0) this.session?.unref();
    });
    return stream;
  }

  /** Ends the connection; streams under way end with it. */
  close(): void {
    this.closed = true;
    this.session?.destroy();
  }

  private dial(): ClientHttp2Session {
    const session = connect('http://localhost', {
      createConnection: () => dial(this.path),
      maxSessionMemory: SESSION_MEMORY,
    });
    session.on('error', () => undefined); // its streams tell
    this.session = session;
    return session;
  }
}

/** Whether there can be streams; after a GOAWAY the session is closed to new ones, while those of before go on. */
export function usable<S extends Http2Session>(session: S | undefined): session is S {
  return session !== undefined && !session.closed && !session.destroyed;
}
