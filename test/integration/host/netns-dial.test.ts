import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Seats } from '../../../src/base/seats';
import { createNetns, removeNetns } from '../../../src/host/namespace/netns';
import { dialInNetns } from '../../../src/host/namespace/netns-dial';
import { SPAWNED_TOOLS } from '../../../src/host/syscall/syscalls';
import { until } from '../../support/streaming/until';
import { MEANS, useTempDir } from './temp';

/** Echoes until the client is done, then says goodbye: only a half-open connection gets that. */
const SERVER = `require('net').createServer({ allowHalfOpen: true }, (s) => {
  s.on('data', (d) => s.write(d)).on('end', () => s.end('bye')).on('error', () => {});
}).listen(Number(process.argv[2]), process.argv[1], () => process.stdout.write('up'));`;
/** Listens, and takes no connection. */
const BUSY = `require('net').createServer().listen({ port: Number(process.argv[2]), host: process.argv[1], backlog: 1 }, () => {
  process.stdout.write('up');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;

let servers: ChildProcess[] = [];
let netns = '';
const dir = useTempDir(async () => {
  for (const server of servers) {
    server.kill('SIGKILL');
    await once(server, 'close');
  }
  servers = [];
  await removeNetns(netns);
});
const serve = async (address: string, port: number, program = SERVER): Promise<void> => {
  const server = spawn('nsenter', [`--net=${netns}`, '--', process.execPath, '-e', program, address, String(port)]);
  servers.push(server);
  await once(server.stdout, 'data');
};

beforeEach(async () => {
  netns = join(dir.path, 'ns');
  await createNetns(netns);
});
describe.each(MEANS)('dialInNetns with %s', (_, means) => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['127.0.0.1', 'localhost'],
    ['::1', 'localhost'],
  ])('reaches a server on %s as %s, each side closing on its own', async (address, host) => {
    await serve(address, 8080);
    const socket = await dialInNetns({ path: netns, host, port: 8080 }, {}, means);
    const large = Buffer.alloc(1 << 20, 'x');
    socket.end(large);
    const got = await buffer(socket);
    expect(got.length).toBe(large.length + 3);
    expect(got.subarray(-3).toString()).toBe('bye');
  });

  it('rejects as connect does when nobody listens, in there', async () => {
    await expect(dialInNetns({ path: netns, host: 'localhost', port: 8081 }, {}, means)).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
  });

  it('rejects when there is no namespace', async () => {
    await expect(dialInNetns({ path: join(dir.path, 'none'), host: '127.0.0.1', port: 1 }, {}, means)).rejects.toThrow(
      /ENOENT|No such file/,
    );
  });

  it('gives up on an address that never answers, after its deadline or with its caller', async () => {
    // A backlog that is full: the kernel drops whatever comes next, as a dead host would.
    await serve('127.0.0.1', 8082, BUSY);
    const target = { path: netns, host: '127.0.0.1', port: 8082 };
    const waiting = [await dialInNetns(target, {}, means), await dialInNetns(target, {}, means)];
    await expect(dialInNetns(target, { timeoutMs: 200 }, means)).rejects.toMatchObject({ name: 'TimeoutError' });
    const gone = new AbortController();
    const dialled = dialInNetns(target, { signal: gone.signal }, means);
    gone.abort(new Error('caller gone'));
    await expect(dialled).rejects.toThrow('caller gone');
    for (const socket of waiting) socket.destroy();
  });
});

describe('Connections by spawned tools', () => {
  it('are so many at most; a further one is refused until one of them is closed', async () => {
    await serve('127.0.0.1', 8083);
    const tools = new Seats(2, 2);
    const dial = (port: number) => dialInNetns({ path: netns, host: '127.0.0.1', port }, { tools }, SPAWNED_TOOLS);
    await expect(dial(8084)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const sockets = [await dial(8083), await dial(8083)];
    await expect(dial(8083)).rejects.toThrow('too many connections');
    sockets[0]?.destroy();
    await until('its seat is free', () => tools.taken === 1);
    sockets.push(await dial(8083));
    for (const socket of sockets) socket.destroy();
  });
});
