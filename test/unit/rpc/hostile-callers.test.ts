import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { connect as dial } from 'node:net';
import { gzipSync } from 'node:zlib';
import { EventsDefinition } from '../../../generated/containerd/services/events/v1/events';
import { VersionDefinition } from '../../../generated/containerd/services/version/v1/version';
import { Code } from '../../../src/rpc/code';
import { EncodedMessage, notImplemented } from '../../../src/rpc/service';
import { until } from '../../support/streaming/until';
import { RpcRig, recordingLogger, untilAborted } from './rpc-rig';

const KIB = 1024;
const VERSION = '/containerd.services.version.v1.Version/Version';
const PUBLISH = '/containerd.services.events.v1.Events/Publish';
const SUBSCRIBE = '/containerd.services.events.v1.Events/Subscribe';
const LARGE = 300 * KIB;

let rig: RpcRig;
let session: ClientHttp2Session;
let log: ReturnType<typeof recordingLogger>;
let answering = async () => ({ version: '1', revision: '' }) as { version: string; revision: string } | EncodedMessage;
beforeEach(async () => {
  rig = new RpcRig();
  log = recordingLogger();
  const limits = {
    maxMessageBytes: 400 * KIB,
    allRequestsBytes: 1000 * KIB,
    allAnswersBytes: 1000 * KIB,
    answersStillMs: 1000,
    arrivalMs: 500,
  };
  const server = rig.server({ ...limits, log });
  server.addService(VersionDefinition, { version: () => answering() });
  server.addService(EventsDefinition, {
    publish: async () => ({}),
    forward: notImplemented,
    async *subscribe(_req, { signal }) {
      for (let count = 0; count < 2000; count++) yield new EncodedMessage(Buffer.alloc(8 * KIB));
      yield untilAborted(signal);
    },
  });
  await server.listen(rig.socket);
  session = client();
});
afterEach(async () => {
  answering = async () => ({ version: '1', revision: '' });
  session.destroy();
  await rig.close();
});

function client(): ClientHttp2Session {
  const maxSendHeaderBlockLength = 1024 * KIB;
  return connect('http://localhost', { createConnection: () => dial(rig.socket), maxSendHeaderBlockLength });
}

interface Asking {
  readonly stream: ClientHttp2Stream;
  /** What it was answered, once it is over. */
  readonly end: Promise<{ status: number; message: string; reset: number }>;
}

function ask(path: string, headers: Record<string, string> = {}): Asking {
  const grpc = { ':method': 'POST', ':path': path, te: 'trailers', 'content-type': 'application/grpc' };
  const stream = session.request({ ...grpc, ...headers });
  const found = { status: Number.NaN, message: '' };
  for (const event of ['response', 'trailers'] as const)
    stream.on(event, (block) => {
      if (block['grpc-status'] === undefined) return;
      found.status = Number(block['grpc-status']);
      found.message = decodeURI(String(block['grpc-message']));
    });
  stream.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => stream.once('close', resolve)); // after an error, too
  const end = closed.then(() => ({ ...found, reset: stream.rstCode ?? 0 }));
  return { stream, end };
}

function message(length: number, bytes = length, flag = 0): Buffer {
  const all = Buffer.alloc(5 + bytes);
  all[0] = flag;
  all.writeUInt32BE(length, 1);
  return all;
}

/** Writes for as long as it is let; answers how much that was. */
async function pour({ stream, end }: Asking): Promise<number> {
  let poured = 0;
  let over = false;
  void end.then(() => {
    over = true;
  });
  while (!over) {
    poured += 16 * KIB;
    await Promise.race([new Promise((resolve) => stream.write(Buffer.alloc(16 * KIB), resolve)), end]);
  }
  return poured;
}

async function version(headers: Record<string, string> = {}): Promise<number> {
  const asking = ask(VERSION, headers);
  asking.stream.resume().end(message(0));
  return (await asking.end).status;
}

/** Asks with so much of a large message, and goes no further. */
function askInPart(path: string, bytes: number): Asking {
  const asking = ask(path);
  asking.stream.resume().write(message(400 * KIB, bytes));
  return asking;
}

describe('A request without end', () => {
  it.each<[string, string, Buffer, Code]>([
    ['of one method after its message', VERSION, message(0), Code.INTERNAL],
    ['of a stream after its message', SUBSCRIBE, message(0), Code.INTERNAL],
    ['of a large message after it', PUBLISH, message(LARGE), Code.INTERNAL],
    ['as one message', VERSION, message(0xffff_ffff, 0), Code.RESOURCE_EXHAUSTED],
    ['one byte over the limit', VERSION, message(400 * KIB + 1, 0), Code.RESOURCE_EXHAUSTED],
    ['of an unknown method', '/none/None', message(0), Code.UNIMPLEMENTED],
  ])('%s is answered, and its stream is reset', async (_what, path, first, code) => {
    const asking = ask(path);
    asking.stream.resume().write(first);
    const poured = await pour(asking);
    expect(await asking.end).toMatchObject({ status: code });
    expect(poured).toBeLessThan(400 * KIB);
    expect(await version()).toBe(Code.OK);
  });

  it('as many empty messages ends at the second', async () => {
    const asking = ask(VERSION);
    asking.stream.resume().write(Buffer.alloc(5 * 3000));
    expect(await asking.end).toMatchObject({
      status: Code.INTERNAL,
      message: 'the request holds more than one message',
    });
  });

  it('as many small compressed messages ends at the second', async () => {
    const one = gzipSync('');
    const asking = ask(VERSION, { 'grpc-encoding': 'gzip' });
    asking.stream.resume().write(Buffer.concat(Array(500).fill(Buffer.concat([message(one.length, 0, 1), one]))));
    expect(await asking.end).toMatchObject({
      status: Code.INTERNAL,
      message: 'the request holds more than one message',
    });
  });

  it('that says no more ends when its time is up, and is logged', async () => {
    const asking = askInPart(VERSION, 10);
    expect(await asking.end).toMatchObject({ status: Code.DEADLINE_EXCEEDED, message: /not come whole within 500 ms/ });
    expect(log.lines).toEqual([
      { level: 'warn', message: 'failed', fields: expect.objectContaining({ code: 'DEADLINE_EXCEEDED' }) },
    ]);
  });
});

describe('Requests that hold much together', () => {
  it('give way, the largest first, and what is small gets through', async () => {
    const all = [200, 390, 200, 200].map((kib) => askInPart(PUBLISH, kib * KIB));
    expect(await version()).toBe(Code.OK);
    const more = askInPart(PUBLISH, 100 * KIB);
    expect(await all[1]?.end).toMatchObject({ status: Code.RESOURCE_EXHAUSTED, message: /hold too much memory/ });
    expect(await version()).toBe(Code.OK);
    for (const asking of [...all, more]) asking.stream.destroy();
  });

  it('have room again when they are over', async () => {
    for (let count = 0; count < 10; count++) {
      const asking = ask(PUBLISH);
      asking.stream.resume().end(message(LARGE));
      expect((await asking.end).status).not.toBe(Code.RESOURCE_EXHAUSTED);
      const left = askInPart(PUBLISH, LARGE);
      await new Promise((resolve) => left.stream.write('', resolve));
      left.stream.close(constants.NGHTTP2_CANCEL);
      await left.end;
    }
  });
});

describe('Answers that nobody reads', () => {
  beforeEach(() => {
    answering = async () => new EncodedMessage(Buffer.alloc(LARGE));
  });

  it('are waited for up to a limit, and then the one that holds most is reset', async () => {
    const all = Array.from({ length: 4 }, () => {
      const asking = ask(VERSION);
      asking.stream.pause().end(message(0));
      return asking;
    });
    const first = await Promise.race(all.map(({ end }) => end));
    expect(first).toMatchObject({ status: Number.NaN, reset: constants.NGHTTP2_ENHANCE_YOUR_CALM });
    for (const { stream } of all) stream.destroy();
    expect(await version()).toBe(Code.OK);
  });

  it('hold nobody up who reads, however many ask at once', async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => version()));
    expect(all).toEqual(Array(50).fill(Code.OK));
  });

  it('of a stream are few', async () => {
    const { stream, end } = ask(SUBSCRIBE);
    stream.pause().end(message(0));
    await once(stream, 'response');
    expect(await version()).toBe(Code.OK); // a round trip later it would be over the limit, were there no bound
    stream.close(constants.NGHTTP2_CANCEL);
    await end;
    await until('it has ended', () => log.lines.some(({ fields }) => fields.method === 'Subscribe'));
    expect(log.lines.filter(({ fields }) => fields.code === 'RESOURCE_EXHAUSTED')).toEqual([]);
  });
});

describe('Headers', () => {
  it.each<[string, Record<string, string>]>([
    ['named after a prototype', JSON.parse('{"__proto__": "x", "constructor": "y"}')],
    ['whose bytes are no base64', { 'x-bin': '%%%%', 'grpc-trace-bin': 'é' }],
    ['of 15 KiB', { x: 'x'.repeat(15 * KIB) }],
    ['of 15 KiB in many binary values', { 'x-bin': ','.repeat(15 * KIB) }],
    ['of characters that the library refuses', { x: 'ÿ' }],
  ])('%s do no harm', async (_what, headers) => {
    const error = jest.spyOn(console, 'error');
    expect(await version(headers)).toBe(Code.OK);
    expect(await version()).toBe(Code.OK);
    expect(error).not.toHaveBeenCalled();
    error.mockRestore();
  });

  it.each<[string, Record<string, string>]>([
    ['16 KiB', { x: 'x'.repeat(16 * KIB) }],
    ['16 KiB together', { x: 'x'.repeat(9 * KIB), y: 'y'.repeat(9 * KIB) }],
    ['16 KiB in many binary values', { 'x-bin': ','.repeat(60 * KIB) }],
  ])('of more than %s cost their call', async (_what, headers) => {
    const asking = ask(VERSION, headers);
    asking.stream.resume().end(message(0));
    expect(await asking.end).toMatchObject({
      status: Code.RESOURCE_EXHAUSTED,
      message: 'the headers are over 16384 characters',
    });
    expect(await version()).toBe(Code.OK);
  });

  it('in more frames than a header needs cost the connection', async () => {
    const headers = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`x${index}`, 'x'.repeat(50 * KIB)]));
    session.on('error', () => undefined);
    const asking = ask(VERSION, headers);
    asking.stream.resume().end(message(0));
    expect((await asking.end).status).toBeNaN();
    session = client();
    expect(await version()).toBe(Code.OK);
  });
});

it('What the library cannot take costs the call only', async () => {
  const small = new RpcRig();
  const server = small.server({
    interceptors: [
      ({ path }, call) => {
        if (path === PUBLISH) throw new Error('oops');
        return call as never;
      },
    ],
  });
  server.addService(EventsDefinition, {
    publish: async () => ({}),
    forward: async () => ({}),
    subscribe: notImplemented,
  });
  await server.listen(small.socket);
  session.destroy();
  session = connect('http://localhost', { createConnection: () => dial(small.socket) });
  const asking = ask(PUBLISH);
  asking.stream.resume().end(message(0));
  expect(await asking.end).toMatchObject({ reset: constants.NGHTTP2_INTERNAL_ERROR });
  const other = ask(PUBLISH.replace('Publish', 'Forward'));
  other.stream.resume().end(message(0));
  expect(await other.end).toMatchObject({ status: Code.OK });
  await small.close();
});
