import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { connect as dial } from 'node:net';
import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { VersionDefinition } from '../../../generated/containerd/services/version/v1/version';
import { noMetrics } from '../../../src/base/metrics';
import { ArrivingRequest } from '../../../src/rpc/server/arriving-request';
import type { RpcServer, RpcServerOptions } from '../../../src/rpc/server/server';
import { RpcRig, recordingLogger } from './rpc-rig';

let rig: RpcRig;
let session: ClientHttp2Session | undefined;
let log: ReturnType<typeof recordingLogger>;
beforeEach(() => {
  rig = new RpcRig();
  log = recordingLogger();
});
afterEach(async () => {
  jest.restoreAllMocks();
  session?.destroy();
  await rig.close();
});

async function serve(options: Partial<RpcServerOptions> = {}): Promise<RpcServer> {
  const server = rig.server({ log, ...options });
  server.addService(VersionDefinition, { version: async () => ({ version: '1', revision: '' }) });
  await server.listen(rig.socket);
  session = connect('http://localhost', { createConnection: () => dial(rig.socket) });
  return server;
}

/** With which code the stream of a call is reset. */
async function resetOf(body = Buffer.alloc(5)): Promise<number | undefined> {
  const path = '/containerd.services.version.v1.Version/Version';
  const grpc = { ':method': 'POST', ':path': path, te: 'trailers', 'content-type': 'application/grpc' };
  const stream = session?.request(grpc).resume();
  if (!stream) throw new Error('nobody is connected');
  stream.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => stream.once('close', resolve));
  stream.end(body);
  await closed;
  return stream.rstCode;
}

const errors = (): unknown[] => log.lines.filter(({ level }) => level === 'error').map(({ fields }) => fields.error);

/** A library that fails to send the status of the first call. */
function failsOnce(): ServerInterceptor {
  let failed = false;
  return (_method, call) =>
    new ServerInterceptingCall(call, {
      sendStatus: (status, next) => {
        if (failed) return next(status);
        failed = true;
        throw new Error('oops');
      },
    });
}

describe('What fails between a call and the library costs the call only, and is logged', () => {
  it('when its status is sent', async () => {
    await serve({ interceptors: [failsOnce()] });
    expect(await resetOf()).toBe(constants.NGHTTP2_INTERNAL_ERROR);
    expect(await resetOf()).toBe(constants.NGHTTP2_NO_ERROR);
    expect(errors()).toEqual(['oops']);
  });

  it('when its time to arrive is over', async () => {
    await serve({ interceptors: [failsOnce()], arrivalMs: 50 });
    const stream = session?.request({
      ':method': 'POST',
      ':path': '/containerd.services.version.v1.Version/Version',
      'content-type': 'application/grpc',
    });
    stream?.on('error', () => undefined).write(Buffer.alloc(3));
    await new Promise<void>((resolve) => stream?.once('close', resolve));
    expect(stream?.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR);
    expect(errors()).toEqual(['oops']);
    expect(await resetOf()).toBe(constants.NGHTTP2_NO_ERROR);
  });

  it('when its request is handed over', async () => {
    await serve();
    jest.spyOn(ArrivingRequest.prototype, 'complete').mockImplementationOnce(() => {
      throw new Error('oops');
    });
    expect(await resetOf()).toBe(constants.NGHTTP2_INTERNAL_ERROR);
    expect(await resetOf()).toBe(constants.NGHTTP2_NO_ERROR);
    expect(errors()).toEqual(['oops']);
  });

  it('when it is counted', async () => {
    const count = jest.fn().mockImplementationOnce(() => {
      throw new Error('oops');
    });
    await serve({ metrics: { ...noMetrics, count } });
    expect(await resetOf()).toBe(constants.NGHTTP2_INTERNAL_ERROR);
    expect(await resetOf()).toBe(constants.NGHTTP2_NO_ERROR);
    expect(errors()).toEqual(['oops']);
  });
});

it('A server whose socket file cannot be removed closes all the same', async () => {
  const server = await serve();
  expect(await resetOf()).toBe(constants.NGHTTP2_NO_ERROR);
  const remove = jest.fn().mockRejectedValue(new Error('EPERM'));
  Object.assign(server, { file: { remove } });
  const closed = session && once(session, 'close');
  await server.stop({ graceMs: 0 });
  await closed;
  expect(remove).toHaveBeenCalledTimes(1);
  expect(log.lines).toContainEqual(
    expect.objectContaining({ level: 'warn', fields: expect.objectContaining({ error: 'EPERM' }) }),
  );
  expect(existsSync(rig.socket)).toBe(true);
});
