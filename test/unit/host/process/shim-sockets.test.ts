import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  deadSockets,
  directoriesOf,
  removeDeadSocket,
  removeShimSockets,
  SHIM_SOCKETS,
  shimAddress,
  shimSocketNames,
  socketsOfTasks,
} from '../../../../src/host/process/shim-sockets';

const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
const SHIM = { address: '/run/containerd/containerd.sock', namespace: 'k8s.io', group: 'pod' };

describe('The sockets of shims', () => {
  let dir: string;
  const servers: Server[] = [];
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'shims-'));
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
    rmSync(dir, { recursive: true, force: true });
  });

  const listen = async (path: string): Promise<Server> => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return server;
  };
  /** A socket at which somebody listens. */
  const living = async (name: string): Promise<string> => {
    const path = join(dir, name);
    servers.push(await listen(path));
    return path;
  };
  /** What a process leaves that was killed: its end by Node would take the file away. */
  const dead = async (name: string): Promise<string> => {
    const path = join(dir, name);
    const server = await listen(join(dir, 's'));
    linkSync(join(dir, 's'), path);
    await new Promise((resolve) => server.close(resolve));
    return path;
  };

  it('are named by the daemon, its namespace and the group, as containerd does it', () => {
    expect(shimSocketNames(SHIM)).toEqual([
      sha('/run/containerd/containerd.sock/k8s.io/pod'),
      sha('/run/containerd/containerd.sock/k8s.io/pod/debug'),
    ]);
    expect(shimSocketNames({ ...SHIM, address: '//run/containerd//containerd.sock' })).toEqual(shimSocketNames(SHIM));
  });

  it('are dead when nobody listens at them', async () => {
    await living(sha('a'));
    const path = await dead(sha('b'));
    await dead('not-a-shim');
    writeFileSync(join(dir, sha('c')), 'a file');
    expect(await deadSockets([dir, dir, join(dir, 'absent')])).toEqual([{ path, ino: expect.any(BigInt) }]);
  });

  it('live where another name than the listener’s own leads to them, and where /proc does not list them', async () => {
    linkSync(await living(sha('a')), join(dir, sha('b')));
    expect(await deadSockets([dir])).toEqual([]);
    const proc = join(dir, 'proc');
    mkdirSync(join(proc, 'net'), { recursive: true });
    writeFileSync(join(proc, 'net/unix'), 'Num RefCount Protocol Flags Type St Inode Path\n');
    expect(await deadSockets([dir], proc)).toEqual([]);
  });

  it('are removed when they are dead', async () => {
    const path = await dead(sha('a'));
    const [socket] = await deadSockets([dir]);
    if (!socket) throw new Error('it is not found');
    expect(await removeDeadSocket(socket)).toBe(true);
    expect(existsSync(path)).toBe(false);
    expect(await removeDeadSocket(socket)).toBe(false);
  });

  it('are left to a shim that has taken the path over meanwhile, also while it does not listen yet', async () => {
    const path = await dead(sha('a'));
    const [socket] = await deadSockets([dir]);
    if (!socket) throw new Error('it is not found');
    const other = await dead(sha('b'));
    rmSync(path);
    linkSync(other, path);
    expect(await removeDeadSocket(socket)).toBe(false);
    rmSync(path);
    await living(sha('a'));
    expect(await removeDeadSocket(socket)).toBe(false);
    expect(existsSync(path)).toBe(true);
  });

  it('are removed by name, and those that live are not', async () => {
    const [one, two] = [await living(sha('a')), await dead(sha('b'))];
    expect(await removeShimSockets([sha('a'), sha('b'), sha('c')], dir)).toBe(1); // the one that lives
    expect([existsSync(one), existsSync(two)]).toEqual([true, false]);
    expect(await removeShimSockets([sha('b'), sha('c')], dir)).toBe(0);
  });

  it('are never anything else by another name', async () => {
    const path = await dead('containerd.sock');
    await removeShimSockets(['containerd.sock'], dir);
    expect(existsSync(path)).toBe(true);
  });

  it('are told by the directories of tasks, of 2.x and of 1.x', async () => {
    const file = (path: string, text: string): void => {
      mkdirSync(join(dir, path, '..'), { recursive: true });
      writeFileSync(join(dir, path), text);
    };
    file('k8s.io/a/bootstrap.json', JSON.stringify({ version: 3, address: 'unix:///run/s/a', protocol: 'ttrpc' }));
    file('moby/b/address', 'unix:///run/s/b');
    file('moby/c/config.json', '{}');
    expect((await socketsOfTasks(dir)).sort()).toEqual(['/run/s/a', '/run/s/b']);
    expect(await socketsOfTasks(join(dir, 'absent'))).toEqual([]);
  });

  it('lie in the usual directory, and where those of tasks do', () => {
    expect(directoriesOf([`/run/other/${sha('a')}`, '/var/lib/vm/shim.sock'])).toEqual([SHIM_SOCKETS, '/run/other']);
  });
});

describe('The address that a shim was started with', () => {
  it('is read from its command line', async () => {
    const proc = mkdtempSync(join(tmpdir(), 'proc-'));
    const argv = ['/bin/containerd-shim-runc-v2', '-namespace', 'k8s.io', '-id', 'a', '-address', '/run/c.sock'];
    mkdirSync(join(proc, '7'));
    mkdirSync(join(proc, '8'));
    writeFileSync(join(proc, '7', 'cmdline'), `${argv.join('\0')}\0`);
    writeFileSync(join(proc, '8', 'cmdline'), 'sh\0-c\0');
    const found = await Promise.all([7, 8, 9].map((pid) => shimAddress(pid, proc)));
    expect(found).toEqual(['/run/c.sock', undefined, undefined]);
    rmSync(proc, { recursive: true });
  });
});
