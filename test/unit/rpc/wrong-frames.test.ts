import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants, createServer, type ServerHttp2Stream } from 'node:http2';
import { connect as dial } from 'node:net';
import { deflateSync, gzipSync } from 'node:zlib';
import { EventsDefinition } from '../../../generated/containerd/services/events/v1/events';
import { VersionDefinition } from '../../../generated/containerd/services/version/v1/version';
import { createClient } from '../../../src/rpc/client/client';
import { Code } from '../../../src/rpc/code';
import { RpcRig } from './rpc-rig';

const PATH = '/containerd.services.version.v1.Version/Version';
const OK = { ':status': 200, 'content-type': 'application/grpc' } as const;

let rig: RpcRig;
beforeEach(() => {
  rig = new RpcRig();
});
afterEach(() => rig.close());

describe('The server answers', () => {
  let session: ClientHttp2Session;
  beforeEach(async () => {
    const server = rig.server({ maxMessageBytes: 1000 });
    server.addService(VersionDefinition, { version: async () => ({ version: '1', revision: '' }) });
    await server.listen(rig.socket);
    session = connect('http://localhost', { createConnection: () => dial(rig.socket) });
  });
  afterEach(() => session.destroy());

  async function statusOf(body: Buffer, headers: Record<string, string> = {}): Promise<unknown> {
    const grpc = { ':method': 'POST', ':path': PATH, te: 'trailers', 'content-type': 'application/grpc' };
    const stream = session.request({ ...grpc, ...headers });
    let found: unknown;
    for (const event of ['response', 'trailers'] as const)
      stream.on(event, (block) => {
        found = block['grpc-status'] ?? found;
      });
    stream.resume();
    stream.on('error', () => undefined);
    stream.end(body);
    await once(stream, 'close');
    return Number(found);
  }

  const message = (length: number, bytes = length, flag = 0): Buffer => {
    const all = Buffer.alloc(5 + bytes);
    all[0] = flag;
    all.writeUInt32BE(length, 1);
    return all;
  };
  const compressed = (body: Buffer): Buffer => Buffer.concat([message(body.length, 0, 1), body]);
  const gzip = { 'grpc-encoding': 'gzip' };

  it.each<[string, Buffer, Record<string, string>, Code]>([
    ['a whole message', message(0), {}, Code.OK],
    ['a deadline that makes no sense', message(0), { 'grpc-timeout': 'soon' }, Code.INTERNAL],
    ['two deadlines', message(0), { 'grpc-timeout': '1S, 2S' }, Code.INTERNAL],
    ['a deadline of nine digits', message(0), { 'grpc-timeout': '123456789S' }, Code.INTERNAL],
    ['an empty deadline', message(0), { 'grpc-timeout': '' }, Code.INTERNAL],
    ['a deadline of eight digits', message(0), { 'grpc-timeout': '12345678S' }, Code.OK],
    ['a deadline of a year', message(0), { 'grpc-timeout': '8760H' }, Code.OK],
    ['no message', Buffer.alloc(0), {}, Code.INTERNAL],
    ['half a prefix', Buffer.alloc(3), {}, Code.INTERNAL],
    ['half a message', message(10, 5), {}, Code.INTERNAL],
    ['two messages', message(3, 8), {}, Code.INTERNAL],
    ['a prefix that begins with neither 0 nor 1', message(0, 0, 2), {}, Code.INTERNAL],
    ['a message compressed by gzip', compressed(gzipSync('')), gzip, Code.OK],
    ['a message compressed by deflate', compressed(deflateSync('')), { 'grpc-encoding': 'deflate' }, Code.OK],
    ['a message that is not compressed though others are', message(0), gzip, Code.OK],
    ['a message compressed nobody knows how', message(0, 0, 1), {}, Code.INTERNAL],
    ['a message compressed as nobody reads', message(0, 0, 1), { 'grpc-encoding': 'snappy' }, Code.UNIMPLEMENTED],
    ['bytes that no gzip has made', compressed(Buffer.alloc(40, 'x')), gzip, Code.INTERNAL],
    ['half of what gzip has made', compressed(gzipSync('x'.repeat(500)).subarray(0, 15)), gzip, Code.INTERNAL],
    ['a message that gzip makes small', compressed(gzipSync(Buffer.alloc(1001))), gzip, Code.RESOURCE_EXHAUSTED],
    ['a message over its limit, before it has come', message(1001, 0), {}, Code.RESOURCE_EXHAUSTED],
    [
      'bytes that are no message of that type',
      Buffer.concat([message(2, 0), Buffer.from([0xff, 0xff])]),
      {},
      Code.INTERNAL,
    ],
    ['an unknown method', message(0), { ':path': '/none/None' }, Code.UNIMPLEMENTED],
  ])('%s', async (_what, body, headers, code) => {
    expect(await statusOf(body, headers)).toBe(code);
    expect(await statusOf(message(0))).toBe(Code.OK); // over the same connection
  });

  it('HTTP 415 to what does not say that it is gRPC', async () => {
    const stream = session.request({ ':method': 'POST', ':path': PATH });
    const answered = once(stream, 'response');
    stream.end(message(0));
    const [headers] = await answered;
    expect(headers[':status']).toBe(415);
    stream.resume();
    await once(stream, 'close');
    expect(await statusOf(message(0))).toBe(Code.OK);
  });
});

describe('The client takes', () => {
  const server = createServer();
  let answer: (stream: ServerHttp2Stream) => void;
  beforeEach(async () => {
    server.removeAllListeners('stream').on('stream', (stream) => {
      stream.on('error', () => undefined);
      answer(stream);
    });
    server.listen(rig.socket);
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.close();
    rig.channel().close();
  });

  const trailers = (stream: ServerHttp2Stream, block: Record<string, string>, body = Buffer.alloc(5)): void => {
    stream.respond(OK, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(block));
    stream.end(body);
  };

  it.each<[string, (stream: ServerHttp2Stream) => void, Code, RegExp]>([
    [
      'HTTP 503',
      (stream) => stream.respond({ ':status': 503 }, { endStream: true }),
      Code.UNAVAILABLE,
      /HTTP status 503/,
    ],
    ['HTTP 418', (stream) => stream.respond({ ':status': 418 }, { endStream: true }), Code.UNKNOWN, /HTTP status 418/],
    ['a reset', (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM), Code.UNAVAILABLE, /reset code 7/],
    ['a cancellation', (stream) => stream.close(constants.NGHTTP2_CANCEL), Code.CANCELLED, /reset code 8/],
    ['no status', (stream) => trailers(stream, { other: 'x' }), Code.INTERNAL, /without a status/],
    ['a number nobody knows', (stream) => trailers(stream, { 'grpc-status': '99' }), Code.UNKNOWN, /^$/],
    [
      'a message that is not encoded well',
      (stream) => trailers(stream, { 'grpc-status': '5', 'grpc-message': '100 %' }),
      Code.NOT_FOUND,
      /^100 %$/,
    ],
    ['no message', (stream) => trailers(stream, { 'grpc-status': '0' }, Buffer.alloc(0)), Code.INTERNAL, /no message/],
    [
      'half a message',
      (stream) => trailers(stream, { 'grpc-status': '0' }, Buffer.from([0, 0, 0, 0, 9, 1])),
      Code.INTERNAL,
      /no message/,
    ],
    [
      'a compressed message',
      (stream) => trailers(stream, { 'grpc-status': '0' }, Buffer.from([1, 0, 0, 0, 0])),
      Code.UNIMPLEMENTED,
      /compressed/,
    ],
    [
      'a wrong message',
      (stream) => trailers(stream, { 'grpc-status': '0' }, Buffer.from([0, 0, 0, 0, 1, 255])),
      Code.INTERNAL,
      /./,
    ],
    ['an end of the connection', (stream) => stream.session?.destroy(), Code.UNAVAILABLE, /./],
  ])('%s', async (_what, act, code, message) => {
    answer = act;
    const client = createClient(VersionDefinition, rig.channel());
    await expect(client.version({})).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    answer = (stream) => trailers(stream, { 'grpc-status': '0' });
    expect(await client.version({})).toEqual({ version: '', revision: '' }); // it goes on, over a new connection if need be
  });

  it('a stream: all that is whole, and then its half message or one of another type as INTERNAL', async () => {
    const client = createClient(EventsDefinition, rig.channel());
    for (const wrong of [Buffer.from([0, 0, 0, 0, 9, 1]), Buffer.from([0, 0, 0, 0, 1, 255])]) {
      answer = (stream) => trailers(stream, { 'grpc-status': '0' }, Buffer.concat([Buffer.alloc(5), wrong]));
      const seen: unknown[] = [];
      const reading = (async () => {
        for await (const envelope of client.subscribe({ filters: [] })) seen.push(envelope);
      })();
      await expect(reading).rejects.toMatchObject({ name: 'RpcCallError', code: Code.INTERNAL });
      expect(seen).toHaveLength(1);
    }
  });

  it('a GOAWAY: calls under way end well, the next goes over another connection', async () => {
    const client = createClient(VersionDefinition, rig.channel());
    const sessions = new Set<unknown>();
    answer = (stream) => {
      sessions.add(stream.session);
      stream.session?.goaway();
      setTimeout(() => trailers(stream, { 'grpc-status': '0' }), 30);
    };
    const [first] = await Promise.all([client.version({})]);
    expect(first).toEqual({ version: '', revision: '' });
    expect(await client.version({})).toEqual(first);
    expect(sessions.size).toBe(2);
  });
});
