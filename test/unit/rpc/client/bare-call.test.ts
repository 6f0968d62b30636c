import { once } from 'node:events';
import { createServer } from 'node:http2';
import { VersionDefinition, VersionResponse } from '../../../../generated/containerd/services/version/v1/version';
import { BareConnection } from '../../../../src/rpc/client/bare-call';
import { Code } from '../../../../src/rpc/code';
import { RpcError } from '../../../../src/rpc/rpc-error';
import { RpcRig } from '../rpc-rig';

const PATH = '/containerd.services.version.v1.Version/Version';
const NOTHING = new Uint8Array(0);

let rig: RpcRig;
let connection: BareConnection | undefined;
beforeEach(() => {
  rig = new RpcRig();
});
afterEach(() => {
  connection?.close();
  return rig.close();
});

async function serve(version: () => Promise<{ version: string; revision: string }>): Promise<BareConnection> {
  const server = rig.server();
  server.addService(VersionDefinition, { version });
  await server.listen(rig.socket);
  connection = await BareConnection.open(rig.socket);
  return connection;
}

describe('A bare connection', () => {
  it('answers a call after the other, with short messages and long ones', async () => {
    const long = 'x'.repeat(100_000);
    const versions = ['1.2', long];
    const to = await serve(async () => ({ version: versions.shift() ?? '', revision: '' }));
    for (const version of ['1.2', long]) {
      expect(VersionResponse.decode(await to.call(PATH, NOTHING))).toEqual({ version, revision: '' });
    }
  });

  it('rejects with the status of a call that fails', async () => {
    const to = await serve(async () => {
      throw new RpcError(Code.NOT_FOUND, 'none');
    });
    await expect(to.call(PATH, NOTHING)).rejects.toThrow(`${PATH}: ended with gRPC status ${Code.NOT_FOUND}`);
    await expect(to.call('/none/None', NOTHING)).rejects.toThrow(`status ${Code.UNIMPLEMENTED}`);
  });

  it('rejects where nobody listens', async () => {
    await expect(BareConnection.open(`${rig.dir}/none`)).rejects.toThrow('ENOENT');
  });

  it('tells of the end of the connection', async () => {
    const to = await serve(async () => ({ version: '', revision: '' }));
    await rig.close();
    await to.closed;
    rig = new RpcRig();
  });

  it.each([
    ['half a message', Buffer.from([0, 0, 0, 0, 9, 1])],
    ['no message', Buffer.alloc(0)],
    ['a compressed one', Buffer.from([1, 0, 0, 0, 0])],
  ])('rejects an answer with %s', async (_, body) => {
    const server = createServer();
    server.on('stream', (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(body);
    });
    server.listen(rig.socket);
    await once(server, 'listening');
    connection = await BareConnection.open(rig.socket);
    await expect(connection.call(PATH, NOTHING)).rejects.toThrow(/not whole|compressed/);
    connection.close();
    await new Promise((resolve) => server.close(resolve));
  });
});
