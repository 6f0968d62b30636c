import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pidBehindSocket } from '../../../src/host/process/peer';
import { sameMountNamespace } from '../../../src/host/process/proc';
import { MEANS, useTempDir } from './temp';

const dir = useTempDir();
const LISTEN = `require('net').createServer().listen(process.argv[1], () => process.stdout.write('up'))`;
let server: ChildProcess | undefined;
afterEach(async () => {
  if (server?.kill('SIGKILL')) await once(server, 'close');
  server = undefined;
});

describe.each(MEANS)('pidBehindSocket with %s', (_, means) => {
  it('names the process that listens', async () => {
    const path = join(dir.path, 'with space.sock');
    const started = spawn(process.execPath, ['-e', LISTEN, path]);
    server = started;
    await once(started.stdout, 'data');
    expect(await pidBehindSocket(path, means)).toBe(started.pid);
    expect(await sameMountNamespace(started.pid ?? 0)).toBe(true);
  });

  it('is undefined when nobody listens, or there is nothing', async () => {
    const path = join(dir.path, 'dead.sock');
    const started = spawn(process.execPath, ['-e', LISTEN, path]);
    await once(started.stdout, 'data');
    started.kill('SIGKILL');
    await once(started, 'close');
    expect(await pidBehindSocket(path, means)).toBeUndefined();
    expect(await pidBehindSocket(join(dir.path, 'none'), means)).toBeUndefined();
  });
});

it('finds the listener by its inode when it cannot be connected to', async () => {
  // Too long for an address of ours; the server came by a shorter, relative name and so is not found either.
  const long = join(dir.path, 'd'.repeat(100));
  mkdirSync(long);
  const listening = createServer().listen(join(dir.path, 's'));
  await once(listening, 'listening');
  expect(await pidBehindSocket(join(long, 's'))).toBeUndefined();
  expect(await pidBehindSocket(join(dir.path, 's'))).toBe(process.pid);
  listening.close();
});

it('sameMountNamespace tells a process with mounts of its own, and one that is not there', async () => {
  const own = spawn('unshare', ['--mount', '--', 'cat']);
  own.stdin.write('x');
  await once(own.stdout, 'data');
  expect(await sameMountNamespace(own.pid ?? 0)).toBe(false);
  own.stdin.end();
  await once(own, 'close');
  expect(await sameMountNamespace(own.pid ?? 0)).toBeUndefined();
});
