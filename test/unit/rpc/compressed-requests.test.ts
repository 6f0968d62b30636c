import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { connect as dial } from 'node:net';
import { gzipSync } from 'node:zlib';
import { VersionDefinition } from '../../../generated/containerd/services/version/v1/version';
import { Code } from '../../../src/rpc/code';
import { until } from '../../support/streaming/until';
import { deferred, RpcRig } from './rpc-rig';

const KIB = 1024;
const LARGE = 300 * KIB;

interface Asking {
  readonly stream: ClientHttp2Stream;
  /** Its gRPC status, once it is over. */
  readonly end: Promise<number>;
}

let rig: RpcRig;
let session: ClientHttp2Session;
let answering: () => Promise<void>;
beforeEach(async () => {
  rig = new RpcRig();
  answering = async () => undefined;
  const server = rig.server({ maxMessageBytes: 400 * KIB, allRequestsBytes: 1000 * KIB });
  server.addService(VersionDefinition, {
    version: async () => {
      await answering();
      return { version: '1', revision: '' };
    },
  });
  await server.listen(rig.socket);
  session = connect('http://localhost', { createConnection: () => dial(rig.socket) });
});
afterEach(async () => {
  session.destroy();
  await rig.close();
});

function ask(): Asking {
  const path = '/containerd.services.version.v1.Version/Version';
  const grpc = { ':method': 'POST', ':path': path, te: 'trailers', 'content-type': 'application/grpc' };
  const stream = session.request({ ...grpc, 'grpc-encoding': 'gzip' }).resume();
  let status = Number.NaN;
  for (const event of ['response', 'trailers'] as const)
    stream.on(event, (block) => {
      if (block['grpc-status'] !== undefined) status = Number(block['grpc-status']);
    });
  stream.on('error', () => undefined);
  return { stream, end: new Promise((resolve) => stream.once('close', () => resolve(status))) };
}

/** A message as gzip makes it, behind its prefix. */
function packed(bytes: Buffer): Buffer {
  const body = gzipSync(bytes);
  const prefix = Buffer.from([1, 0, 0, 0, 0]);
  prefix.writeUInt32BE(body.length, 1);
  return Buffer.concat([prefix, body]);
}

describe('Compressed requests', () => {
  it('that cannot become large do not keep each other out', async () => {
    const bytes = packed(Buffer.alloc(0));
    const all = Array.from({ length: 10 }, ask);
    for (const { stream } of all) stream.write(bytes.subarray(0, 10));
    const whole = ask();
    whole.stream.end(bytes);
    expect(await whole.end).toBe(Code.OK); // the others have come in part by then
    for (const { stream } of all) stream.end(bytes.subarray(10));
    expect(await Promise.all(all.map(({ end }) => end))).toEqual(Array(10).fill(Code.OK));
  });

  it('count as what they have become until they are served', async () => {
    const { promise, resolve } = deferred();
    let begun = 0;
    answering = () => {
      begun += 1;
      return promise;
    };
    // Field 15 with LARGE bytes, which no request has.
    const field = Buffer.from([0x7a, (LARGE & 0x7f) | 0x80, ((LARGE >> 7) & 0x7f) | 0x80, LARGE >> 14]);
    const bytes = packed(Buffer.concat([field, Buffer.alloc(LARGE)]));
    const send = (): Promise<number> => {
      const { stream, end } = ask();
      stream.end(bytes);
      return end;
    };
    const served: Promise<number>[] = [];
    while (served.length < 3) {
      served.push(send());
      await until('it is being served', () => begun === served.length);
    }
    expect(await send()).toBe(Code.RESOURCE_EXHAUSTED);
    resolve();
    expect(await Promise.all(served)).toEqual(Array(3).fill(Code.OK));
    expect(await send()).toBe(Code.OK);
  });
});
