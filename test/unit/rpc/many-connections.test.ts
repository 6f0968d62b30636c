import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as dial } from 'node:net';
import { VersionDefinition } from '../../../generated/containerd/services/version/v1/version';
import { mostConnections } from '../../../src/rpc/server/sessions';
import { until } from '../../support/streaming/until';
import { deferred, RpcRig } from './rpc-rig';

const MOST = 3;
const PATH = '/containerd.services.version.v1.Version/Version';

let rig: RpcRig;
let clients: ClientHttp2Session[];
let served: number;
let answered: Promise<void>;
let answer: () => void;
beforeEach(async () => {
  rig = new RpcRig();
  [clients, served] = [[], 0];
  const { promise, resolve } = deferred();
  [answered, answer] = [promise, resolve];
  const server = rig.server({ openFiles: 16 * MOST });
  server.addService(VersionDefinition, {
    version: async () => {
      served += 1;
      await answered;
      return { version: '1', revision: '' };
    },
  });
  await server.listen(rig.socket);
});
afterEach(async () => {
  for (const client of clients) client.destroy();
  await rig.close();
});

/** A connection that the server has taken up. */
async function connected(): Promise<ClientHttp2Session> {
  const client = connect('http://localhost', { createConnection: () => dial(rig.socket) });
  clients.push(client.on('error', () => undefined));
  await once(client, 'remoteSettings');
  return client;
}

/** A call that is being served; resolves with its status once that is let go on. */
async function call(client: ClientHttp2Session): Promise<{ status: Promise<unknown> }> {
  const before = served;
  const stream = client.request({ ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc' }).resume();
  let status: unknown;
  stream
    .on('error', () => undefined)
    .on('trailers', (block) => {
      status = block['grpc-status'];
    });
  const closed = new Promise<void>((resolve) => stream.once('close', resolve));
  stream.end(Buffer.alloc(5));
  await until('it is being served', () => served > before);
  return { status: closed.then(() => status) };
}

describe('A server with as many connections as it may have', () => {
  it('keeps all of them', async () => {
    const all = [await connected(), await connected(), await connected()];
    const calls = [await call(all[0] as ClientHttp2Session)];
    expect(all.map(({ closed }) => closed)).toEqual([false, false, false]);
    answer();
    expect(await calls[0]?.status).toBe('0');
  });

  it('closes for a further one the one that has had no call for longest', async () => {
    const [busy, first, second] = [await connected(), await connected(), await connected()];
    const { status } = await call(busy);
    const gone = first.closed ? undefined : once(first, 'close');
    const further = await connected();
    await gone;
    expect([busy.closed, second.closed, further.closed]).toEqual([false, false, false]);
    answer();
    expect(await status).toBe('0');
  });

  it('closes the further one when all others have calls', async () => {
    const all = [await connected(), await connected(), await connected()];
    const calls: Awaited<ReturnType<typeof call>>[] = [];
    for (const client of all) calls.push(await call(client));
    const further = connect('http://localhost', { createConnection: () => dial(rig.socket) });
    clients.push(further.on('error', () => undefined));
    await new Promise<void>((resolve) => further.once('close', resolve));
    answer();
    expect(await Promise.all(calls.map(({ status }) => status))).toEqual(['0', '0', '0']);
  });
});

it.each([
  [1024, 64],
  [1_048_576, 1000],
  [Number.POSITIVE_INFINITY, 1000],
  [8, 1],
])('Of %d descriptors connections may have %d', (openFiles, most) => {
  expect(mostConnections(openFiles)).toBe(most);
});
