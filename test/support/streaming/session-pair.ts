import { connect, createServer, type Server, type Socket } from 'node:net';
import { silentLogger } from '../../../src/base/logger';
import { type SharedLimits, sharedLimits } from '../../../src/streaming/limits';
import { SPDY_LIMITS, type SpdyLimits } from '../../../src/streaming/spdy/limits';
import { SpdySession } from '../../../src/streaming/spdy/session';
import type { SpdyStream } from '../../../src/streaming/spdy/stream';
import { SpdyClient } from './spdy-client';
import { until } from './until';

/** A SPDY session of ours, its client, and what the session told. */
export interface SessionPair {
  readonly session: SpdySession;
  readonly client: SpdyClient;
  /** Our end of the TCP connection. */
  readonly socket: Socket;
  readonly streams: SpdyStream[];
  readonly state: { closed: number };
}

/** Sessions over TCP for the tests of a file; whatever is open after a test is closed, and each session said so once. */
export function useSessions(): (
  limits?: Partial<SpdyLimits>,
  head?: Buffer,
  shared?: Partial<SharedLimits>,
) => Promise<SessionPair> {
  let server: Server;
  const pairs: SessionPair[] = [];
  beforeAll(async () => {
    server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    for (const { client } of pairs) client.destroy();
    for (const { state, session, socket } of pairs.splice(0)) {
      await until('the session tells its end', () => state.closed === 1);
      expect([session.streamCount, socket.destroyed]).toEqual([0, true]);
    }
  });
  afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return async (limits = {}, head = Buffer.alloc(0), shared = {}) => {
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
    const { port } = server.address() as { port: number };
    const client = new SpdyClient(connect({ host: '127.0.0.1', port, allowHalfOpen: true }));
    const socket = await accepted;
    const streams: SpdyStream[] = [];
    const state = { closed: 0 };
    const session = new SpdySession(socket, {
      log: silentLogger,
      owner: 'pod',
      shared: { ...sharedLimits(), ...shared },
      pingEveryMs: 20,
      limits: { ...SPDY_LIMITS, ...limits },
      onStream: (stream) => streams.push(stream),
      onClose: () => {
        state.closed++;
      },
    });
    session.start(head);
    const made = { session, client, socket, streams, state };
    pairs.push(made);
    return made;
  };
}
