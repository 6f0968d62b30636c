import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createChannel } from '../../src/rpc/client/client';
import { CLIENT_CASES, COMPRESSED_CASES, SERVER_CASES } from './cases';
import { testServer } from './test-service';

const CASE_MS = 30_000;
const counts = { passed: 0, failed: 0 };

/** `make interop`: gRPC's cases on both ends of src/rpc. Ends with a line `N passed, N failed`. */
export async function main(): Promise<void> {
  const programs = process.env.GRPC_INTEROP;
  if (!programs) throw new Error('GRPC_INTEROP names the directory of the programs in Go');
  const dir = mkdtempSync(join(tmpdir(), 'interop-'));
  try {
    await ourServer(join(programs, 'interop-client'), join(dir, 'ours.sock'));
    await ourClient(join(programs, 'interop-server'), join(dir, 'theirs.sock'));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  if (counts.failed > 0) process.exitCode = 1;
}

async function ourServer(client: string, socket: string): Promise<void> {
  const server = testServer();
  await server.listen(socket);
  const run = (name: string, ...more: string[]) =>
    promisify(execFile)(client, ['-address', `unix://${socket}`, '-case', name, ...more], { timeout: CASE_MS });
  for (const name of SERVER_CASES) await report(`our server: ${name}`, run(name));
  for (const name of COMPRESSED_CASES) await report(`our server, gzip: ${name}`, run(name, '-gzip'));
  await server.stop({ graceMs: 0 });
}

/** gRPC's server listens at a port only, and our client dials sockets only: a relay is between them. */
async function ourClient(program: string, socket: string): Promise<void> {
  const port = await freePort();
  const server = spawn(program, ['-port', `${port}`], { stdio: 'ignore' });
  const relay = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    near.pipe(far).pipe(near);
    for (const end of [near, far]) end.on('error', () => [near, far].map((each) => each.destroy()));
  });
  try {
    await untilAnswers(port);
    await once(relay.listen(socket), 'listening');
    for (const [name, run] of Object.entries(CLIENT_CASES)) {
      const channel = createChannel(socket);
      await report(`our client: ${name}`, run(channel));
      channel.close();
    }
  } finally {
    relay.close();
    server.kill();
  }
}

async function report(name: string, outcome: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  const limit = sleep(CASE_MS, undefined, { signal: late.signal }).then(() => {
    throw new Error(`not done within ${CASE_MS} ms`);
  });
  try {
    await Promise.race([outcome, limit]);
    counts.passed += 1;
    console.log(`passed ${name}`);
  } catch (error) {
    counts.failed += 1;
    console.log(`FAILED ${name}: ${error instanceof Error ? error.message : error}`);
  } finally {
    limit.catch(() => undefined);
    late.abort();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function untilAnswers(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const socket = connect(port, '127.0.0.1');
    const answers = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (answers) return;
    await sleep(100);
  }
  throw new Error("gRPC's server does not listen");
}
